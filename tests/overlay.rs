//! egui over frames, without a window.
#![cfg(feature = "egui")]

mod canvas;
mod common;

use canvas::{Canvas, SRGB, Texel, UNORM, difference, renderer};
use common::{Gate, close, soon, strict_gpu};
use vulkio::{
    Frame, Gpu, ImageDesc, Picture, RenderTarget, Renderer,
    ash::vk,
    overlay::{
        Overlay,
        egui::{self, Color32, Rect, pos2, vec2},
    },
};

const SIZE: [u32; 2] = [128, 64];

async fn frame(renderer: &Renderer) -> Frame {
    let frame = soon("a slot", renderer.frame()).await.expect("a frame");
    frame.pass("background").renders(frame.target().clear([0.0, 0.0, 1.0, 1.0])).record(|_| ());
    frame
}

async fn shown(frame: Frame) -> Picture {
    let capture = frame.capture();
    soon("a submit", frame.submit()).await.expect("submitted");
    soon("a picture", capture).await.expect("a picture")
}

fn texel(picture: &Picture, [x, y]: [usize; 2]) -> Texel {
    picture.bytes().as_chunks::<4>().0[y * SIZE[0] as usize + x]
}

/// A rectangle, one that is half transparent beside it, and text.
fn show(ui: &egui::Context) {
    let painter = ui.layer_painter(egui::LayerId::background());
    let square = |x: f32| Rect::from_min_size(pos2(x, 4.0), vec2(16.0, 16.0));
    painter.rect_filled(square(4.0), 0.0, Color32::from_rgb(200, 100, 50));
    painter.rect_filled(square(24.0), 0.0, Color32::from_rgba_unmultiplied(255, 255, 255, 128));
    let font = egui::FontId::monospace(20.0);
    painter.text(pos2(4.0, 30.0), egui::Align2::LEFT_TOP, "60 fps", font, Color32::WHITE);
}

fn is_blue(texel: Texel) -> bool {
    texel == [0, 0, 255, 255]
}

/// How many pixels the text touches.
fn inked(picture: &Picture) -> usize {
    let all = (30..60).flat_map(|y| (4..90).map(move |x| [x, y]));
    all.filter(|&at| !is_blue(texel(picture, at))).count()
}

fn check(picture: &Picture) {
    assert!(is_blue(texel(picture, [100, 10])) && is_blue(texel(picture, [22, 10])), "untouched elsewhere");
    assert_eq!(texel(picture, [10, 10]), [200, 100, 50, 255], "the colour as it is");
    let [red, green, blue, alpha] = texel(picture, [30, 10]);
    assert!(red.abs_diff(128) <= 1 && green == red && (blue, alpha) == (255, 255), "mixed as egui does: {red} {green}");
    let inked = inked(picture);
    assert!((150..1500).contains(&inked), "{inked} pixels of text");
}

#[tokio::test]
async fn rectangles_and_text_are_drawn_over_a_frame() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, SIZE, 2);
    let mut overlay = Overlay::new(&gpu, SRGB).await.expect("an overlay");
    let frame = frame(&renderer).await;
    let asked = overlay.run(&frame, egui::RawInput::default(), show).expect("drawn");
    drop(asked);
    let picture = shown(frame).await;
    if let Ok(path) = std::env::var("VULKIO_OVERLAY_PNG") {
        picture.save_png(path).await.expect("saved");
    }
    check(&picture);
    drop((overlay, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_that_is_dropped_takes_no_texture_with_it() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, SIZE, 2);
    let mut overlay = Overlay::new(&gpu, SRGB).await.expect("an overlay");
    for _ in 0..2 {
        let frame = frame(&renderer).await;
        drop(overlay.run(&frame, egui::RawInput::default(), show).expect("drawn"));
        drop(frame);
    }
    let frame = frame(&renderer).await;
    drop(overlay.run(&frame, egui::RawInput::default(), show).expect("drawn"));
    check(&shown(frame).await);
    drop((overlay, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn what_egui_said_while_drawing_failed_is_not_lost() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, SIZE, 2);
    let mut overlay = Overlay::new(&gpu, SRGB).await.expect("an overlay");
    let other = gpu.image_with::<RenderTarget>("other", ImageDesc::new(SIZE).format(UNORM)).expect("an image");
    let first = frame(&renderer).await;
    // The first output has all letters, and tells of them once.
    let output = overlay.context().clone().run(egui::RawInput::default(), show);
    assert!(!output.textures_delta.set.is_empty());
    overlay.draw(&first, &other, output).err().expect("an image of another format");
    drop(first);
    let second = frame(&renderer).await;
    drop(overlay.run(&second, egui::RawInput::default(), show).expect("drawn"));
    check(&shown(second).await);
    drop((overlay, renderer, other));
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_like_the_one_before_makes_nothing_on_the_gpu() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, SIZE, 2);
    let mut overlay = Overlay::new(&gpu, SRGB).await.expect("an overlay");
    let made = |gpu: &Gpu| {
        let seen = gpu.counters();
        (seen.descriptor_writes, seen.device_allocations, seen.pipelines, seen.command_pools)
    };
    let mut warm = None;
    for n in 0..30 {
        let frame = frame(&renderer).await;
        drop(overlay.run(&frame, egui::RawInput::default(), show).expect("drawn"));
        let passes = frame.plan_stats().expect("a plan").passes;
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        soon("a frame", done).await.expect("complete");
        if n >= 10 {
            assert_eq!(passes, 2, "the background and the overlay");
            assert_eq!(*warm.get_or_insert(made(&gpu)), made(&gpu), "frame {n}: writes, allocations, pipelines, pools");
        }
    }
    drop((overlay, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn frames_in_flight_keep_the_letters_that_they_were_declared_with() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, SIZE, 3);
    let mut overlay = Overlay::new(&gpu, SRGB).await.expect("an overlay");
    let gate = Gate::new(&gpu);
    let mut captures = Vec::new();
    // Each frame has letters that no frame before had.
    for text in ["abc", "abcdefgh", "XYZÄÖ%&"] {
        let frame = frame(&renderer).await;
        let show = |ui: &egui::Context| {
            let font = egui::FontId::monospace(20.0);
            let painter = ui.layer_painter(egui::LayerId::background());
            painter.text(pos2(4.0, 30.0), egui::Align2::LEFT_TOP, text, font, Color32::WHITE);
        };
        drop(overlay.run(&frame, egui::RawInput::default(), show).expect("drawn"));
        gate.hold(frame.graph());
        captures.push(frame.capture());
        soon("a submit", frame.submit()).await.expect("submitted");
    }
    gate.open();
    let mut inks = Vec::new();
    for capture in captures {
        inks.push(inked(&soon("a picture", capture).await.expect("a picture")));
    }
    assert!(inks[0] > 50 && inks[1] > inks[0] && inks[2] > inks[0], "{inks:?}");
    drop((gate, overlay, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn textures_of_the_program_are_shown_and_are_not_after_they_are_removed() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, SIZE, 2);
    let canvas = Canvas::new(&gpu, SRGB).await;
    let mut overlay = Overlay::new(&gpu, SRGB).await.expect("an overlay");
    // More than a pass can have.
    let mut ids = Vec::new();
    for n in 0..20u8 {
        let format = if n % 2 == 0 { SRGB } else { UNORM };
        let texture = canvas.texture(ImageDesc::new([2, 2]).format(format), &[[10 * n, 99, 0, 255]; 4]).await;
        ids.push(overlay.add_texture(&texture).expect("added"));
    }
    let place = |n: usize| Rect::from_min_size(pos2(6.0 * n as f32, 0.0), vec2(6.0, 6.0));
    for removed in [None, Some(3)] {
        if let Some(n) = removed {
            overlay.remove_texture(ids[n]);
        }
        let frame = frame(&renderer).await;
        let show = |ui: &egui::Context| {
            let painter = ui.layer_painter(egui::LayerId::background());
            let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            for (n, &id) in ids.iter().enumerate() {
                painter.image(id, place(n), all, Color32::WHITE);
            }
        };
        drop(overlay.run(&frame, egui::RawInput::default(), show).expect("drawn"));
        let picture = shown(frame).await;
        for n in 0..20 {
            let expected = if removed == Some(n) { [0, 0, 255, 255] } else { [10 * n as u8, 99, 0, 255] };
            assert!(difference(&[texel(&picture, [6 * n + 3, 3])], &[expected]) <= 1, "texture {n}");
        }
    }
    drop((overlay, renderer, canvas));
    close(gpu).await;
}

#[tokio::test]
async fn targets_of_other_formats_get_the_same_colours_and_of_a_wrong_one_an_error() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, SRGB).await;
    let renderer = renderer(&gpu, SIZE, 2);
    for (format, order) in [(UNORM, [0, 1, 2]), (vk::Format::B8G8R8A8_SRGB, [2, 1, 0])] {
        let mut overlay = Overlay::new(&gpu, format).await.expect("an overlay");
        let frame = frame(&renderer).await;
        let target = gpu.image_with::<RenderTarget>("target", ImageDesc::new(SIZE).format(format)).expect("an image");
        frame.pass("clear").renders(target.clear([0.0, 0.0, 0.0, 1.0])).record(|_| ());
        let input = egui::RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(128.0, 64.0))),
            ..Default::default()
        };
        let output = overlay.context().clone().run(input, show);
        drop(overlay.draw(&frame, &target, output).expect("drawn"));
        let wrong = overlay.run(&frame, egui::RawInput::default(), show).err().expect("another format").to_string();
        assert!(wrong.contains("R8G8B8A8_SRGB") && wrong.contains(&format!("{format:?}")), "{wrong}");
        soon("a frame", soon("a submit", frame.submit()).await.expect("submitted")).await.expect("complete");
        let texel = canvas.texels(&target).await[10 * 128 + 10];
        assert!(difference(&[[texel[order[0]], texel[order[1]], texel[order[2]], 255]], &[[200, 100, 50, 255]]) <= 1);
    }
    drop((renderer, canvas));
    close(gpu).await;
}
