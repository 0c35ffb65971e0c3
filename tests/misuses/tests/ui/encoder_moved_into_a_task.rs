use vulkio::{Encoder, GpuBuffer, Record, Result, System};

#[derive(System)]
struct Late {
    #[writes(copy)]
    words: GpuBuffer<u32>,
}

impl Record for Late {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let words = self.words.clone();
        tokio::spawn(async move {
            cmd.fill(&words, 0..1, 0);
        });
        Ok(())
    }
}

fn main() {}
