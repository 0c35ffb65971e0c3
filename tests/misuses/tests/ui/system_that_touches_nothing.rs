use vulkio::System;

#[derive(System)]
struct Idle;

#[derive(System)]
struct Config {
    #[ignored]
    speed: f32,
}

fn main() {}
