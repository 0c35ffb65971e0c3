use vulkio::{Result, Run, System};

struct Speed(f32);
struct Position(f32);

#[derive(System)]
#[reads(Speed)]
#[writes(Position)]
struct Move;

impl Run for Move {
    async fn run(&self, position: &mut Position, speed: &Speed) -> Result<()> {
        position.0 += speed.0;
        Ok(())
    }
}

fn main() {}
