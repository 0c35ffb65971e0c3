//! The example `live_shader`: what somebody sees who edits its files.
#![cfg(all(feature = "glsl", feature = "png", unix))]

mod folder;
mod process;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use folder::Folder;

/// Ended with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The texel in a corner of the picture, where there is no sun.
fn corner(path: &Path) -> [u8; 3] {
    let mut reader =
        png::Decoder::new(BufReader::new(File::open(path).expect("a picture"))).read_info().expect("a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut bytes).expect("a picture");
    [bytes[0], bytes[1], bytes[2]]
}

#[test]
fn a_saved_file_is_a_new_picture_and_a_broken_one_a_message() {
    let folder = Folder::new();
    for name in ["sky.vert", "sky.frag", "palette.glsl"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/live_shader").join(name);
        folder.write(&format!("shaders/{name}"), fs::read(source).expect("a shader"));
    }
    let mut command = process::example("live_shader");
    let child = command.arg("shaders").current_dir(folder.path()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut running = Running(child);
    let output = BufReader::new(running.0.stdout.take().expect("its output"));
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || output.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
    let until = |what: &str| {
        loop {
            let line = lines.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("it never says {what:?}"));
            if line.contains(what) {
                return line;
            }
        }
    };

    until("wrote live_shader.png");
    let picture = folder.path().join("live_shader.png");
    let before = corner(&picture);
    let palette = fs::read_to_string(folder.path().join("shaders/palette.glsl")).expect("a shader");
    let edited = |color: &str| palette.replace("vec3(0.05, 0.15, 0.45)", color);
    folder.write("shaders/palette.glsl", edited("vec3(1.0, 0.0, 1.0"));
    // One directory that it was started in, so that names are short.
    assert!(until("palette.glsl:").contains("shaders/palette.glsl:2: "));
    assert_eq!(corner(&picture), before);
    folder.write("shaders/palette.glsl", edited("vec3(1.0, 0.0, 1.0)"));
    until("wrote live_shader.png");
    let [red, green, blue] = corner(&picture);
    assert!(red > 250 && green < 20 && blue > 250, "{:?}", [red, green, blue]);

    let interrupted = Command::new("sh").args(["-c", &format!("kill -INT {}", running.0.id())]).status().expect("sh");
    assert!(interrupted.success());
    assert!(running.0.wait().expect("it ends").success());
}
