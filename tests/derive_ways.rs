//! Each way of touching a resource, said by an attribute, declares what the pass says that is written by hand: their plans
//! are equal to the letter.

mod common;

use common::{close, soon, strict_gpu};
use vulkio::{
    BufferSlice, Depth, DispatchArgs, Encoder, Gpu, GpuBuffer, GpuData, GpuImage, Graph, Ids, ImageDesc, Pass, Record,
    RenderTarget, Result, Subimage, System, Texture, TransientBuffer, Use,
};

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
#[repr(C)]
#[role(vertex)]
struct Corner([f32; 4]);

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
#[repr(C)]
#[role(uniform)]
struct Camera([f32; 16]);

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct VertexByName(f32);

struct World {
    words: GpuBuffer<u32>,
    more: GpuBuffer<u32>,
    corners: GpuBuffer<Corner>,
    camera: GpuBuffer<Camera>,
    groups: GpuBuffer<DispatchArgs>,
    unroled: GpuBuffer<VertexByName>,
    picture: GpuImage<RenderTarget>,
    texture: GpuImage<Texture>,
    depth: GpuImage<Depth>,
    ids: GpuImage<Ids>,
}

impl World {
    fn new(gpu: &Gpu) -> Self {
        let levels = ImageDesc::new([8, 8]).levels(2);
        Self {
            words: gpu.buffer("words", 64).expect("a buffer"),
            more: gpu.buffer("more", 64).expect("a buffer"),
            corners: gpu.buffer("corners", 64).expect("a buffer"),
            camera: gpu.buffer("camera", 1).expect("a buffer"),
            groups: gpu.buffer("groups", 1).expect("a buffer"),
            unroled: gpu.buffer("unroled", 1).expect("a buffer"),
            picture: gpu.image("picture", [8, 8]).expect("an image"),
            texture: gpu.image_with("texture", levels).expect("an image"),
            depth: gpu.image("depth", [8, 8]).expect("an image"),
            ids: gpu.image("ids", [8, 8]).expect("an image"),
        }
    }
}

/// Adds each system to a graph of its own, and beside that the pass.
macro_rules! ways {
    ($world:ident $gpu:ident: $($(#[$attribute:meta])+ $ty:ty = $value:expr => |$pass:ident| $by_hand:expr;)+) => {{
        let mut compared = 0;
        $({
            #[derive(System)]
            #[system(name = "one")]
            struct One {
                $(#[$attribute])+
                resource: $ty,
            }

            impl Record for One {
                fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
                    let _ = &self.resource;
                    Ok(())
                }
            }

            let derived = |graph: &Graph| graph.add(One { resource: $value });
            let by_hand = |graph: &Graph| {
                let $pass: Pass<'_> = graph.pass("one");
                $by_hand.record(|_| ());
            };
            let plans = [plan(&$gpu, &$world, derived), plan(&$gpu, &$world, by_hand)];
            assert_eq!(plans[0], plans[1], "{}: {}", stringify!($(#[$attribute])+), stringify!($ty));
            compared += 1;
        })+
        compared
    }};
}

/// The plan of what is added, between two passes that write all of it as copies do.
fn plan(gpu: &Gpu, world: &World, add: impl Fn(&Graph)) -> String {
    let graph = Graph::new(gpu, "ways");
    let around = |name: &str| {
        let World { words, more, corners, camera, groups, unroled, picture, texture, depth, ids } = world;
        let pass = graph.pass(name).writes(words.copy_target()).writes(more.copy_target());
        let pass = pass.writes(corners.copy_target()).writes(camera.copy_target()).writes(groups.copy_target());
        let pass = pass.writes(unroled.copy_target()).writes(picture.copy_target()).writes(texture.copy_target());
        pass.writes(depth.copy_target()).writes(ids.copy_target()).record(|_| ());
    };
    around("before");
    add(&graph);
    around("after");
    graph.plan().expect("a plan").to_text()
}

#[tokio::test]
async fn each_way_declares_what_is_declared_by_hand() {
    let gpu = strict_gpu();
    let world = World::new(&gpu);
    let World { words, more, corners, camera, groups, unroled, picture, texture, depth, ids } = &world;
    let compared = ways! { world gpu:
        #[reads] GpuBuffer<u32> = words.clone() => |pass| pass.reads(words);
        #[reads(storage)] GpuBuffer<Corner> = corners.clone() => |pass| pass.reads(corners);
        #[writes] GpuBuffer<u32> = words.clone() => |pass| pass.writes(words);
        #[writes(storage)] GpuBuffer<Corner> = corners.clone() => |pass| pass.writes(corners);
        #[writes(concurrent)] GpuBuffer<u32> = words.clone() => |pass| pass.writes_concurrently(words);
        #[reads] GpuBuffer<Corner> = corners.clone() => |pass| pass.reads(corners.vertex());
        #[reads(vertex)] GpuBuffer<u32> = words.clone() => |pass| pass.reads(words.vertex());
        #[writes] GpuBuffer<Corner> = corners.clone() => |pass| pass.writes(corners.copy_target());
        #[reads(index)] GpuBuffer<u32> = words.clone() => |pass| pass.reads(words.index());
        #[reads] GpuBuffer<DispatchArgs> = groups.clone() => |pass| pass.reads(groups.indirect());
        #[writes] GpuBuffer<DispatchArgs> = groups.clone() => |pass| pass.writes(groups);
        #[reads(indirect)] GpuBuffer<u32> = words.clone() => |pass| pass.reads(words.indirect());
        #[reads] GpuBuffer<Camera> = camera.clone() => |pass| pass.reads(camera);
        #[writes] GpuBuffer<Camera> = camera.clone() => |pass| pass.writes(camera.copy_target());
        #[reads(uniform)] GpuBuffer<u32> = words.clone() => |pass| pass.reads(words);
        #[reads(copy)] GpuBuffer<u32> = words.clone() => |pass| pass.reads(words.copy_source());
        #[writes(copy)] GpuBuffer<u32> = words.clone() => |pass| pass.writes(words.copy_target());
        #[reads(copy)] #[writes(copy)] GpuBuffer<u32> = words.clone()
            => |pass| pass.reads(words.copy_source()).writes(words.copy_target());
        #[reads(index)] #[reads(storage)] GpuBuffer<u32> = words.clone() => |pass| pass.reads(words.index()).reads(words);
        // In fields, a role never comes from a name.
        #[reads] GpuBuffer<VertexByName> = unroled.clone() => |pass| pass.reads(unroled);
        #[reads] BufferSlice<u32> = words.slice(8..16) => |pass| pass.reads(words.slice(8..16));
        #[writes] [BufferSlice<u32>; 2] = [words.slice(0..8), words.slice(32..40)]
            => |pass| pass.writes(words.slice(0..8)).writes(words.slice(32..40));
        #[reads] Vec<GpuBuffer<u32>> = vec![words.clone(), more.clone()] => |pass| pass.reads(words).reads(more);
        #[reads] Vec<Option<BufferSlice<u32>>> = vec![None, Some(more.slice(0..1))] => |pass| pass.reads(more.slice(0..1));
        #[writes] Option<GpuBuffer<u32>> = None => |pass| pass;
        #[reads] GpuImage<Texture> = texture.clone() => |pass| pass.reads(texture);
        #[reads(sampled)] GpuImage<Texture> = texture.clone() => |pass| pass.reads(texture);
        #[reads] Subimage<Texture> = texture.level(1) => |pass| pass.reads(&texture.level(1));
        #[writes] GpuImage<Texture> = texture.clone() => |pass| pass.writes(texture.copy_target());
        #[writes(load)] Subimage<Texture> = texture.level(1) => |pass| pass.renders(texture.level(1).load());
        #[reads] GpuImage<RenderTarget> = picture.clone() => |pass| pass.reads(picture.copy_source());
        #[reads(blit)] GpuImage<RenderTarget> = picture.clone() => |pass| pass.reads(picture.blit_source());
        #[writes(blit)] GpuImage<RenderTarget> = picture.clone() => |pass| pass.writes(picture.blit_target());
        #[writes(copy)] GpuImage<RenderTarget> = picture.clone() => |pass| pass.writes(picture.copy_target());
        #[writes] GpuImage<RenderTarget> = picture.clone() => |pass| pass.renders(picture);
        #[writes(load)] GpuImage<RenderTarget> = picture.clone() => |pass| pass.renders(picture.load());
        #[writes(discard)] GpuImage<RenderTarget> = picture.clone() => |pass| pass.renders(picture.discard());
        #[writes(clear = [0.0; 4])] GpuImage<RenderTarget> = picture.clone() => |pass| pass.renders(picture.clear([0.0; 4]));
        #[writes(clear([0.0; 4]))] GpuImage<RenderTarget> = picture.clone() => |pass| pass.renders(picture.clear([0.0; 4]));
        #[writes] GpuImage<Depth> = depth.clone() => |pass| pass.depth(depth);
        #[writes(clear = 1.0)] GpuImage<Depth> = depth.clone() => |pass| pass.depth(depth.clear(1.0));
        #[writes(discard)] GpuImage<Depth> = depth.clone() => |pass| pass.depth(depth.discard());
        #[writes] GpuImage<Ids> = ids.clone() => |pass| pass.renders(ids);
        #[writes(clear = 7)] GpuImage<Ids> = ids.clone() => |pass| pass.renders(ids.clear(7));
    };
    assert_eq!(compared, 44);
    // What is compared tells ways apart.
    let [by_address, as_indices] = [words.into(), words.index()].map(|used: Use| {
        plan(&gpu, &world, |graph| {
            graph.pass("one").reads(&used).record(|_| ());
        })
    });
    assert_ne!(by_address, as_indices);
    close(gpu).await;
}

#[derive(System)]
#[system(queue = "compute")]
struct Prepare<T: GpuData> {
    #[writes]
    transient: TransientBuffer<T>,
}

#[derive(System)]
struct Keep<T: GpuData> {
    #[reads(copy)]
    transient: TransientBuffer<T>,
    #[writes(copy)]
    words: GpuBuffer<T>,
}

impl<T: GpuData> Record for Prepare<T> {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.address(&self.transient);
        Ok(())
    }
}

impl<T: GpuData> Record for Keep<T> {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.copy(&self.transient, 0..16, &self.words, 0);
        Ok(())
    }
}

#[tokio::test]
async fn generic_systems_share_a_transient_of_their_graph() {
    let gpu = strict_gpu();
    let world = World::new(&gpu);
    let graph = Graph::new(&gpu, "transient");
    let transient = graph.buffer::<u32>("between", 16).expect("a transient");
    graph.add((Prepare { transient: transient.clone() }, Keep { transient, words: world.words.clone() }));
    let stats = graph.plan_stats().expect("a plan");
    assert_eq!((stats.barriers, stats.waves), (1, 2), "{stats:?}");
    let done = soon("the submit", graph.submit()).await.expect("submitted");
    soon("the graph", done).await.expect("complete");
    drop(world);
    close(gpu).await;
}
