//! Data that shaders read from the memory of their frame: right in every frame in flight, and made once.

mod common;
mod mix;

use std::time::Duration;

use common::{Gate, Hold, close, counting, faults::Faults, open, soon, strict, strict_gpu};
use mix::{Factors, Mix, buffer, words};
use vulkio::{
    Encoder, Error, Frame, Gpu, GpuBuffer, GpuOptions, Graph, GraphicsDesc, QueueKind, Renderer, RendererOptions,
    Validation, ash::vk,
};

const N: usize = 64;

/// As it is: `result` becomes what the shader reads.
const COPY: Factors = Factors { multiply: 1, shift: 0, add: 0, keep: 0 };

/// What tests read frames' data with: a copy made by a shader, by address.
struct Kit {
    renderer: Renderer,
    mix: Mix,
    zeros: GpuBuffer<u32>,
}

impl Kit {
    async fn new(gpu: &Gpu, options: RendererOptions) -> Self {
        Self {
            renderer: Renderer::with_options(gpu, [8, 4], options).expect("a renderer"),
            mix: Mix::new(gpu).await,
            zeros: buffer(gpu, "zeros", vec![0; N]).await,
        }
    }

    async fn frame(&self) -> Frame {
        soon("a slot", self.renderer.frame()).await.expect("a frame")
    }

    /// Records a copy of the `n` words at `data` to `result`.
    fn copy(&self) -> impl Fn(&mut Encoder<'_>, u64, u64, u32) + Send + Sync + use<> {
        let (mix, zeros) = (self.mix.clone(), self.zeros.address());
        move |cmd, data, result, n| mix.at(cmd, [data, zeros, result], n, COPY)
    }
}

fn ramp(from: u32) -> [u32; N] {
    std::array::from_fn(|i| from.wrapping_mul(1000) + i as u32)
}

/// Frames behind a gate, each with data of its own, and a look at what they left.
async fn frames_in_flight(options: RendererOptions, in_flight: u32) {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu, options.frames_in_flight(in_flight as usize)).await;
    let result = |name| gpu.buffer::<u32>(name, N).expect("a buffer");
    let results: Vec<_> = (0..in_flight).map(|_| [result("first"), result("second"), result("third")]).collect();
    for round in 0..3 {
        let gate = Gate::new(&gpu);
        for (n, results) in (round * in_flight..).zip(&results) {
            let frame = kit.frame().await;
            gate.hold(frame.graph());
            let shared = frame.data(&ramp(n)).expect("data").address();
            for (pass, result) in results.iter().enumerate() {
                let (copy, own) = (kit.copy(), result.address());
                frame.pass("copy").reads(&kit.zeros).writes(result).record(move |cmd| {
                    // The last one's own, the others' common one.
                    let data = if pass == 2 { cmd.data(&ramp(n + 100)) } else { shared };
                    assert!(data != 0 && data.is_multiple_of(256));
                    copy(cmd, data, own, N as u32);
                });
            }
            drop(soon("a submit", frame.submit()).await.expect("submitted"));
        }
        gate.open();
        for (n, [first, second, third]) in (round * in_flight..).zip(&results) {
            assert_eq!(words(&gpu, first).await, ramp(n), "frame {n}");
            assert_eq!(words(&gpu, second).await, ramp(n), "frame {n}");
            assert_eq!(words(&gpu, third).await, ramp(n + 100), "frame {n}");
        }
        drop(gate);
    }
    let written = gpu.counters().frame_data_bytes;
    assert_eq!(written, 2 * 3 * u64::from(in_flight) * size_of_val(&ramp(0)) as u64, "two values in every frame");
    drop((kit, results));
    close(gpu).await;
}

#[tokio::test]
async fn frames_in_flight_never_see_each_others_data() {
    frames_in_flight(RendererOptions::default(), 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn frames_that_are_recorded_on_several_workers_have_their_own_data() {
    frames_in_flight(RendererOptions::default().in_place_below(Duration::ZERO), 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_share_of_a_parallel_pass_writes_data_of_its_own() {
    const ITEMS: usize = 3000;
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu, RendererOptions::default().in_place_below(Duration::ZERO)).await;
    let result = gpu.buffer::<u32>("result", ITEMS).expect("a buffer");
    for round in 1..4 {
        let frame = kit.frame().await;
        let (copy, own) = (kit.copy(), result.address());
        let pass = frame.pass("each").reads(&kit.zeros).writes(&result);
        pass.parallel(ITEMS, move |cmd, range| {
            for i in range {
                // Far more than one page holds.
                let mut value = [0u32; 96];
                value[0] = i as u32 * round;
                let data = cmd.data(&value);
                copy(cmd, data, own + 4 * i as u64, 1);
            }
        });
        soon("a frame", soon("a submit", frame.submit()).await.expect("submitted")).await.expect("complete");
        let expected: Vec<_> = (0..ITEMS as u32).map(|i| i * round).collect();
        assert_eq!(words(&gpu, &result).await, expected);
    }
    drop((kit, result));
    close(gpu).await;
}

#[tokio::test]
async fn data_written_while_a_pass_is_open_stays_until_the_frame_is_complete() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu, RendererOptions::default()).await;
    let result = gpu.buffer::<u32>("result", 4 * N).expect("a buffer");
    let frame = kit.frame().await;
    let pass = frame.pass("open").reads(&kit.zeros).writes(&result).open();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (frame, copy, own) = (&frame, kit.copy(), result.address());
            scope.spawn(move || {
                let recorded = frame.with_encoder(pass, |cmd| {
                    let data = cmd.data_slice(&ramp(part));
                    copy(cmd, data, own + u64::from(part) * 4 * N as u64, N as u32);
                });
                recorded.expect("recorded");
            });
        }
    });
    // Others come and go meanwhile, and find other memory.
    for n in 10..20 {
        let graph = Graph::new(&gpu, "other");
        graph.data(&ramp(n)).expect("data");
        drop(graph);
    }
    drop(soon("a submit", frame.submit()).await.expect("submitted"));
    assert_eq!(words(&gpu, &result).await, [0, 1, 2, 3].map(ramp).concat());
    drop((kit, result));
    close(gpu).await;
}

/// As in shaders/include/balls.glsl.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Disc {
    centre: [f32; 2],
    radius: f32,
    color: [f32; 3],
}

#[tokio::test]
async fn draws_read_data_as_dispatches_do() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, [16, 16]).expect("a renderer");
    let vertex = include_bytes!("../shaders/spv/balls.vert.spv");
    let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
    let disc = GraphicsDesc::new("disc", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    let disc = gpu.graphics_pipeline(disc).await.expect("a pipeline");
    for color in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        let disc = disc.clone();
        frame.pass("disc").renders(frame.target().clear([0.0, 0.0, 1.0, 1.0])).record(move |cmd| {
            let two = [-0.5, 0.5].map(|x| Disc { centre: [x, 0.0], radius: 0.3, color });
            let discs = cmd.data_slice(&two);
            cmd.bind(&disc).push(&discs).draw(0..48, 0..2);
        });
        let capture = frame.capture();
        drop(soon("a submit", frame.submit()).await.expect("submitted"));
        let picture = soon("a picture", capture).await.expect("a picture");
        let [red, green, _] = color.map(|channel| if channel == 1.0 { 255 } else { 0 });
        for x in [4, 12] {
            assert_eq!(picture.texel(x, 8), Some(&[red, green, 0, 255][..]));
        }
        assert_eq!(picture.texel(8, 1), Some(&[0, 0, 255, 255][..]));
    }
    drop((renderer, disc));
    close(gpu).await;
}

#[tokio::test]
async fn data_larger_than_a_page_arrive_whole() {
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    for len in [20_000, 300_000] {
        let zeros = buffer(&gpu, "zeros", vec![0; len]).await;
        let result = gpu.buffer::<u32>("result", len).expect("a buffer");
        let graph = Graph::new(&gpu, "large");
        let data: Vec<u32> = (0..len as u32).map(|i| i.wrapping_mul(0x9E37_79B9)).collect();
        let (mix, own, zero, written) = (mix.clone(), result.address(), zeros.address(), data.clone());
        graph.pass("large").reads(&zeros).writes(&result).record(move |cmd| {
            let small = cmd.data(&7u32);
            let large = cmd.data_slice(&written);
            let next = cmd.data(&8u32);
            // It goes on where more is left: in the first page, or in that of the large data.
            let end = large + 4 * written.len() as u64;
            let follows = if written.len() < 1 << 15 { small + 4 } else { end };
            assert_eq!(next, follows.next_multiple_of(256));
            mix.at(cmd, [large, zero, own], written.len() as u32, COPY);
        });
        drop(soon("a submit", graph.submit()).await.expect("submitted"));
        assert!(words(&gpu, &result).await == data, "{len} words");
        drop((zeros, result));
    }
    drop(mix);
    close(gpu).await;
}

#[tokio::test]
async fn data_of_no_bytes_are_an_error_with_the_pass_and_the_type() {
    let gpu = strict_gpu();
    let graph = Graph::new(&gpu, "empty");
    let said = graph.data(&[0u64; 0]).expect_err("no bytes").to_string();
    assert!(said.contains("0 bytes") && said.contains("[u64; 0]"), "{said}");
    graph.pass("nothing").record(|cmd| {
        assert_eq!(cmd.data_slice::<u32>(&[]), 0);
        assert_eq!(cmd.data(&1u32), 0, "after an error");
    });
    let said = soon("a submit", graph.submit()).await.expect_err("no bytes").to_string();
    assert!(said.contains("pass `nothing`") && said.contains("0 `u32`"), "{said}");
    assert_eq!((gpu.counters().submits, gpu.counters().frame_data_bytes), (0, 0));
    // What is no error of data: it has an address on every queue.
    let graph = Graph::on(&gpu, "transfer", QueueKind::Transfer);
    graph.pass("data").record(|cmd| assert_ne!(cmd.data(&1u32), 0));
    soon("a graph", soon("a submit", graph.submit()).await.expect("submitted")).await.expect("complete");
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_frames_with_data_allocate_nothing_after_warm_up() {
    let (options, calls) = counting(GpuOptions::default().validation(Validation::Off));
    let gpu = open(options);
    let frames = RendererOptions::default().frames_in_flight(2).workers(2).in_place_below(Duration::ZERO);
    let kit = Kit::new(&gpu, frames).await;
    let result = gpu.buffer::<u32>("result", N).expect("a buffer");
    let mut warm = (0, 0);
    for n in 0..3000 {
        let frame = kit.frame().await;
        let shared = frame.data(&ramp(n)).expect("data").address();
        let (copy, own) = (kit.copy(), result.address());
        frame.pass("copy").reads(&kit.zeros).writes(&result).record(move |cmd| copy(cmd, shared, own, N as u32));
        // Three pages' worth: what a frame holds varies from 64 to 256 KiB.
        let more = n % 4;
        frame.pass("more").record(move |cmd| {
            (0..more).for_each(|_| assert_ne!(cmd.data_slice(&[0u8; 50_000]), 0));
        });
        let submit = frame.submit();
        if n % 7 == 1 {
            drop(submit); // given up before it began
        } else {
            drop(soon("a submit", submit).await.expect("submitted"));
        }
        if n == 200 {
            warm = (calls.total("vkAllocateMemory"), gpu.counters().device_bytes);
        }
    }
    assert_eq!((calls.total("vkAllocateMemory"), gpu.counters().device_bytes), warm);
    assert_eq!(words(&gpu, &result).await, ramp(2999), "the last frame's");
    drop((kit, result));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_cancelled_while_it_is_recorded_gives_its_memory_back() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let kit = Kit::new(&gpu, RendererOptions::default().in_place_below(Duration::ZERO)).await;
    let mut allocations = None;
    for _ in 0..20 {
        let frame = kit.frame().await;
        let (mut hold, wait) = Hold::new();
        frame.data_slice(&[1u8; 40_000]).expect("data");
        frame.pass("held").record(move |cmd| {
            cmd.data_slice(&[2u8; 40_000]);
            wait();
            cmd.data_slice(&[3u8; 40_000]);
        });
        let submit = tokio::spawn(frame.submit());
        hold.entered().await;
        submit.abort();
        hold.release();
        assert!(submit.await.is_err());
        let made = calls.total("vkAllocateMemory");
        assert_eq!(*allocations.get_or_insert(made), made);
    }
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn without_memory_for_data_nothing_is_declared_and_the_next_frame_works() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    let graph = Graph::new(&gpu, "data");
    let target = gpu.buffer::<u32>("target", N).expect("a buffer");
    faults.always("vkAllocateMemory", vk::Result::ERROR_OUT_OF_DEVICE_MEMORY);
    let refused = |error: Error| matches!(error, Error::OutOfDeviceMemory { .. });
    assert!(refused(graph.data(&ramp(1)).expect_err("no memory")));
    assert!(refused(graph.update(&target, [(0, ramp(1))]).expect_err("no memory")));
    assert_eq!((graph.plan_stats().expect("a plan").passes, gpu.counters().frame_data_bytes), (0, 0));
    graph.pass("data").record(|cmd| assert_eq!(cmd.data(&ramp(1)), 0));
    let error = soon("a submit", graph.submit()).await.expect_err("no memory");
    assert!(error.to_string().contains("pass `data`") && error.to_string().contains("`frame data`"), "{error}");
    // The window onto device memory is full, and the host's memory is not: refused twice, as a block and by itself.
    faults.rule("vkAllocateMemory", |n| (n <= 2).then_some(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY));
    let graph = Graph::new(&gpu, "data");
    graph.update(&target, [(0, ramp(2))]).expect("declared");
    assert_eq!(faults.calls("vkAllocateMemory"), 3);
    drop(soon("a submit", graph.submit()).await.expect("submitted"));
    assert_eq!(words(&gpu, &target).await, ramp(2));
    drop(target);
    close(gpu).await;
}
