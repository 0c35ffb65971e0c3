use vulkio::{CpuData, System};

#[derive(System)]
struct Count {
    #[writes]
    count: CpuData<u64>,
}

fn main() {}
