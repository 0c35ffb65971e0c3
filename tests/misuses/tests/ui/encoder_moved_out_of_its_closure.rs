use vulkio::{Encoder, Graph, PassId};

fn steal(graph: &Graph, pass: PassId) {
    let mut stolen: Option<&mut Encoder<'_>> = None;
    let _ = graph.with_encoder(pass, |cmd| stolen = Some(cmd));
}

fn main() {}
