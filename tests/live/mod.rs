//! Shaders in files that a test edits, and pictures of what they draw.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{fs, path::PathBuf};

use vulkio::{Gpu, GraphicsPipeline, Renderer, RendererOptions, ash::vk, glsl::Live};

use crate::{common::soon, folder::Folder};

/// A triangle over the whole picture.
pub(crate) const VERTEX: &str = "#version 460
void main() {
    vec2 corner = vec2(gl_VertexIndex << 1 & 2, gl_VertexIndex & 2);
    gl_Position = vec4(corner * 2.0 - 1.0, 0.5, 1.0);
}
";

/// A fragment shader whose colour is an expression, in line 4.
pub(crate) fn fragment(color: &str) -> String {
    format!("#version 460\nlayout(location = 0) out vec4 color;\nvoid main() {{\n    color = {color};\n}}\n")
}

/// One whose colour is that of an included file.
pub(crate) fn including(file: &str) -> String {
    format!(
        "#version 460\n#extension GL_GOOGLE_include_directive : require\n#include \"{file}\"\n\
         layout(location = 0) out vec4 color;\nvoid main() {{ color = paint(); }}\n"
    )
}

/// An included file, its colour in line 2.
pub(crate) fn paint(color: &str) -> String {
    format!("vec4 paint() {{\n    return {color};\n}}\n")
}

pub(crate) const RED: &str = "vec4(1, 0, 0, 1)";
pub(crate) const GREEN: &str = "vec4(0, 1, 0, 1)";
pub(crate) const BLUE: &str = "vec4(0, 0, 1, 1)";

pub(crate) const RED_PIXEL: [u8; 4] = [255, 0, 0, 255];
pub(crate) const GREEN_PIXEL: [u8; 4] = [0, 255, 0, 255];
pub(crate) const BLUE_PIXEL: [u8; 4] = [0, 0, 255, 255];

/// A live pipeline of `flat.vert` and `flat.frag` in a folder, and a renderer to try it with.
pub(crate) struct Stage {
    pub(crate) folder: Folder,
    pub(crate) gpu: Gpu,
    pub(crate) renderer: Renderer,
    pub(crate) live: Live<GraphicsPipeline>,
}

impl Stage {
    /// With files beside the vertex shader.
    pub(crate) async fn new(gpu: Gpu, files: &[(&str, String)]) -> Self {
        let folder = Folder::new();
        folder.write("flat.vert", VERTEX);
        for (name, text) in files {
            folder.write(name, text);
        }
        let renderer = Renderer::with_options(&gpu, [4, 4], RendererOptions::default()).expect("a renderer");
        let live = soon("a live pipeline", open(&gpu, &folder)).await.expect("a live pipeline");
        Self { folder, gpu, renderer, live }
    }

    /// Draws a frame with the pipeline of now, and gives the one colour that it has.
    pub(crate) async fn draws(&self) -> [u8; 4] {
        let frame = soon("a frame", self.renderer.frame()).await.expect("a frame");
        let pipeline = self.live.current();
        frame.pass("flat").renders(frame.target().clear([0.5, 0.5, 0.5, 1.0])).record(move |cmd| {
            cmd.bind(&pipeline).draw(0..3, 0..1);
        });
        let capture = frame.capture();
        soon("a submit", frame.submit()).await.expect("submitted");
        let picture = soon("a picture", capture).await.expect("a picture");
        let (texels, rest) = picture.bytes().as_chunks::<4>();
        assert!(rest.is_empty() && texels.iter().all(|texel| *texel == texels[0]), "{texels:?}");
        texels[0]
    }

    /// Waits until the files are good and frames have a colour. There may be others before it: a file is not written at once.
    pub(crate) async fn becomes(&mut self, pixel: [u8; 4]) {
        let turn = async {
            // An older pipeline may have drawn the same.
            while self.draws().await != pixel || self.live.error().is_some() {
                self.live.changed().await.expect("it is watched");
            }
        };
        let turned = tokio::time::timeout(std::time::Duration::from_secs(60), turn).await;
        assert!(turned.is_ok(), "no frame has {pixel:?}; {:?}", self.live.error());
    }

    /// Waits until the files make no pipeline, and gives the message, without the folder's path.
    pub(crate) async fn breaks(&mut self) -> String {
        self.breaks_with("").await
    }

    /// As [`breaks`](Self::breaks), with a message that contains `part`.
    pub(crate) async fn breaks_with(&mut self, part: &str) -> String {
        loop {
            let error = self.live.error().map(|error| self.folder.relative(error));
            match error {
                Some(error) if error.contains(part) => return error,
                _ => soon("an error", self.live.changed()).await.expect("it is watched"),
            }
        }
    }

    /// Ends the test.
    pub(crate) async fn end(self) {
        drop((self.live, self.renderer));
        crate::common::close(self.gpu).await;
    }
}

pub(crate) async fn open(gpu: &Gpu, folder: &Folder) -> vulkio::Result<Live<GraphicsPipeline>> {
    let [vertex, fragment] = ["flat.vert", "flat.frag"].map(|name| folder.path().join(name));
    gpu.live_graphics_pipeline(vertex, fragment, |desc| desc.color(vk::Format::R8G8B8A8_SRGB)).await
}

/// As editors that never leave half a file do it.
pub(crate) fn replace(folder: &Folder, name: &str, text: &str) {
    let temporary: PathBuf = folder.write(&format!("{name}~"), text);
    fs::rename(temporary, folder.path().join(name)).expect("renamed");
}

/// Names of the process's threads.
#[cfg(target_os = "linux")]
pub(crate) fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("the process's threads");
    let name = |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.ok()?.path().join("comm")).ok();
    tasks.filter_map(name).map(|name| name.trim().to_owned()).collect()
}
