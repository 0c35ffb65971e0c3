use vulkio::{Encoder, Graph};

fn steal(graph: &Graph) {
    let mut stolen: Option<&mut Encoder<'_>> = None;
    graph.pass("thief").record(|cmd| {
        stolen = Some(cmd);
    });
}

fn main() {}
