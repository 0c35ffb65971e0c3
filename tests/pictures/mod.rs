//! Frames whose pictures tell which of them they are.
#![allow(dead_code, reason = "each test uses a part of it")]

use vulkio::{CaptureStream, Completion, Frame, Gpu, Picture, Renderer, RendererOptions};

use crate::common::{Gate, soon};

pub(crate) const SIZE: [u32; 2] = [8, 4];
pub(crate) const TEXELS: usize = 32;
/// Of a frame that is drawn, and of one that is captured.
pub(crate) const DRAWN: u32 = 2;
pub(crate) const CAPTURED: u32 = 4;

pub(crate) fn renderer(gpu: &Gpu, frames_in_flight: usize) -> Renderer {
    let options = RendererOptions::default().frames_in_flight(frames_in_flight);
    Renderer::with_options(gpu, SIZE, options).expect("a renderer")
}

/// Declares passes that write `n` to every texel.
pub(crate) fn draw(frame: &Frame, n: u32) {
    let texels = frame.buffer::<u32>("texels", TEXELS).expect("a buffer");
    let (to, from, target) = (texels.clone(), texels.clone(), frame.target());
    frame.pass("fill").writes(texels.copy_target()).record(move |cmd| {
        cmd.fill(&to, 0..TEXELS, n);
    });
    frame.pass("write").copies(&texels, frame.target()).record(move |cmd| {
        cmd.copy_to_image(&from, &target);
    });
}

/// Draws frame `n`; its passes, and its place on the queue, once it is complete.
pub(crate) async fn drawn(renderer: &Renderer, n: u32) -> (u32, u64) {
    let frame = renderer.frame().await.expect("a frame");
    draw(&frame, n);
    let done = frame.submit().await.expect("submitted");
    let stamp = done.stamp().value;
    (done.await.expect("complete").passes, stamp)
}

pub(crate) fn number(picture: &Picture) -> u32 {
    let texels = picture.bytes().as_chunks::<4>().0;
    assert!(picture.size() == SIZE && texels.iter().all(|texel| texel == &texels[0]), "half a picture: {texels:?}");
    u32::from_ne_bytes(texels[0])
}

pub(crate) async fn next(pictures: &mut CaptureStream) -> Option<u32> {
    let picture = soon("a picture", pictures.next()).await;
    picture.map(|picture| number(&picture.expect("a picture")))
}

/// Submits frame `n` behind a gate.
pub(crate) async fn gated(renderer: &Renderer, gate: &Gate, n: u32) -> Completion {
    let frame = soon("a place", renderer.frame()).await.expect("a frame");
    draw(&frame, n);
    gate.hold(frame.graph());
    soon("a submit", frame.submit()).await.expect("submitted").without_value()
}
