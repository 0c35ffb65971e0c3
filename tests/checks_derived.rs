//! What checks say of derived systems names the field and the attribute that is missing there.
#![cfg(all(feature = "glsl", feature = "derive"))]

mod checked;
mod common;

use checked::{Kit, plain};
use common::{close, open, soon, strict};
use vulkio::{ComputePipeline, CpuData, DispatchArgs, Encoder, GpuBuffer, Graph, Record, Registry, Result, System};

/// Each of these runs the same: a shader that writes the first of its buffers and reads the second.
fn runs(cmd: &mut Encoder<'_>, pipeline: &ComputePipeline, into: u64, from: u64) -> Result<()> {
    cmd.bind(pipeline).push(&[into, from, 0, 0]).dispatch([1; 3]);
    Ok(())
}

#[derive(System)]
struct Right {
    #[writes]
    into: GpuBuffer<u32>,
    #[reads]
    from: GpuBuffer<u32>,
    pipeline: ComputePipeline,
}

#[derive(System)]
struct ReadsOnly {
    #[reads]
    into: GpuBuffer<u32>,
    #[reads]
    from: GpuBuffer<u32>,
    pipeline: ComputePipeline,
}

#[derive(System)]
struct CopiesInto {
    #[writes(copy)]
    into: GpuBuffer<u32>,
    #[reads]
    from: GpuBuffer<u32>,
    pipeline: ComputePipeline,
}

#[derive(System)]
struct Arguments {
    #[writes]
    into: GpuBuffer<u32>,
    #[reads(indirect)]
    from: GpuBuffer<u32>,
    pipeline: ComputePipeline,
}

#[derive(System)]
struct Ignored {
    #[ignored]
    into: GpuBuffer<u32>,
    #[reads]
    from: GpuBuffer<u32>,
    pipeline: ComputePipeline,
}

macro_rules! record {
    ($($name:ident)*) => {$(
        impl Record for $name {
            fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
                runs(cmd, &self.pipeline, self.into.address(), self.from.address())
            }
        }
    )*};
}

record! { Right ReadsOnly CopiesInto Arguments Ignored }

/// Wrong about what its commands touch.
#[derive(System)]
struct Copies {
    #[reads]
    from: GpuBuffer<u32>,
    #[writes]
    into: GpuBuffer<u32>,
}

impl Record for Copies {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.copy(&self.from, 0..8, &self.into, 0);
        Ok(())
    }
}

#[derive(System)]
struct Indirect {
    #[reads(storage)]
    args: GpuBuffer<DispatchArgs>,
    #[writes]
    into: GpuBuffer<u32>,
    #[reads]
    from: GpuBuffer<u32>,
    pipeline: ComputePipeline,
}

impl Record for Indirect {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let pushed = [self.into.address(), self.from.address(), 0, 0];
        cmd.bind(&self.pipeline).push(&pushed).dispatch_indirect(&self.args, 0);
        Ok(())
    }
}

/// Found in a registry; what is pushed is another buffer than the one that it writes.
#[derive(System)]
#[reads(GpuBuffer<u32> = "from")]
#[reads(ComputePipeline)]
#[writes(GpuBuffer<u32> as copy = "into")]
struct Unit;

impl Record for Unit {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let into = cmd.found_named::<GpuBuffer<u32>>("into")?;
        let from = cmd.found_named::<GpuBuffer<u32>>("from")?;
        let pipeline = cmd.found::<CpuData<ComputePipeline>>()?;
        let pipeline = ComputePipeline::clone(&*cmd.read(&pipeline)?);
        runs(cmd, &pipeline, into.address(), from.address())
    }
}

async fn said(kit: &Kit, system: impl System) -> String {
    let graph = Graph::new(&kit.gpu, "graph");
    graph.add(system);
    match soon("a submit", graph.submit()).await {
        Ok(done) => soon("a graph", done).await.map(|_| String::new()).expect("complete"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_field_and_its_attribute_are_named() {
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    let pipeline = kit.pipeline("copies", &plain("push.a.at[0] = push.b.at[0];")).await;
    let [into, from, other] = kit.words.clone();
    let (args, wrong) = (kit.args.clone(), |said: String, parts: &[&str]| -> Vec<String> {
        parts.iter().filter(|part| !said.contains(**part)).map(|part| format!("{said:?} lacks {part:?}")).collect()
    });
    macro_rules! with {
        ($system:ident) => {
            $system { into: into.clone(), from: from.clone(), pipeline: pipeline.clone() }
        };
    }
    assert_eq!(said(&kit, with!(Right)).await, "");
    let mut missing = Vec::new();
    let pass = "pass `ReadsOnly`: graph: the compute shader of pipeline `copies` writes `first`";
    let has = "field `into` has `#[reads]`, which only says that the system reads it";
    missing
        .extend(wrong(said(&kit, with!(ReadsOnly)).await, &[pass, has, "write `#[writes(storage)]` on field `into`"]));
    let has = "field `into` has `#[writes(copy)]`, which only says that the system copies to it";
    missing.extend(wrong(
        said(&kit, with!(CopiesInto)).await,
        &["`first`", has, "write `#[writes(storage)]` on field `into`"],
    ));
    let has = "field `from` has `#[reads(indirect)]`, which only says that the system takes arguments from it";
    missing.extend(wrong(
        said(&kit, with!(Arguments)).await,
        &["`second`", has, "write `#[reads(storage)]` on field `from`"],
    ));
    let add = "the pass did not declare it; add a field for it with `#[writes(storage)]`";
    missing.extend(wrong(said(&kit, with!(Ignored)).await, &["writes `first`", add]));
    let copies = Copies { from: from.clone(), into: into.clone() };
    missing.extend(wrong(said(&kit, copies).await, &["touches `second`", "write `#[reads(copy)]` on field `from`"]));
    let indirect = Indirect { args, into: into.clone(), from: from.clone(), pipeline: pipeline.clone() };
    missing
        .extend(wrong(said(&kit, indirect).await, &["touches `args`", "write `#[reads(indirect)]` on field `args`"]));
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    drop((kit, into, from, other, pipeline));
    close(gpu).await;
}

#[tokio::test]
async fn the_type_is_named_where_there_is_no_field() {
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    let pipeline = kit.pipeline("copies", &plain("push.a.at[0] = push.b.at[0];")).await;
    let registry = Registry::new();
    registry.insert("into", kit.words[0].clone());
    registry.insert("from", kit.words[1].clone());
    registry.insert("pipeline", CpuData::new(pipeline));
    let graph = Graph::new(&gpu, "graph");
    let scheduled = graph.add_from(&registry, Unit).expect("all is there");
    let said = soon("a submit", graph.submit()).await.expect_err("a mistake").to_string();
    let has = "`GpuBuffer<u32> = \"into\"` has `#[writes(GpuBuffer<u32> as copy = \"into\")]`";
    let advice = "write `GpuBuffer<u32> as storage` in `#[writes(..)]`";
    for part in ["pass `Unit`", "writes `first`", has, advice] {
        assert!(said.contains(part), "{said:?} lacks {part:?}");
    }
    drop((registry, kit, scheduled));
    close(gpu).await;
}
