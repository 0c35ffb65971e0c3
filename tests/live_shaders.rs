//! Pipelines that follow their files: edited, broken, mended, renamed over, deleted and restored.
#![cfg(feature = "glsl")]

mod common;
mod folder;
mod live;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{close, soon, strict_gpu};
use folder::Folder;
use live::{BLUE, BLUE_PIXEL, GREEN, GREEN_PIXEL, RED, RED_PIXEL, Stage, fragment, including, open, paint, replace};
use vulkio::{Error, Graph};

async fn stage(files: &[(&str, String)]) -> Stage {
    Stage::new(strict_gpu(), files).await
}

#[tokio::test]
async fn a_colour_edited_in_its_file_is_in_the_next_frames() {
    let mut stage = stage(&[("flat.frag", fragment(RED))]).await;
    assert_eq!(stage.draws().await, RED_PIXEL);
    let before = stage.gpu.counters().pipelines;
    stage.folder.write("flat.frag", fragment(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    assert_eq!(stage.gpu.counters().pipelines, before + 1, "one save makes one pipeline");
    stage.folder.write("flat.frag", fragment(BLUE));
    stage.becomes(BLUE_PIXEL).await;
    stage.end().await;
}

#[tokio::test]
async fn a_broken_shader_names_file_and_line_and_frames_go_on_until_it_is_mended() {
    let mut stage = stage(&[("flat.frag", fragment(RED))]).await;
    stage.folder.write("flat.frag", fragment("wrong"));
    let error = stage.breaks_with("wrong").await;
    assert!(error.contains("flat.frag:4: 'wrong' : undeclared identifier"), "{error}");
    for _ in 0..3 {
        assert_eq!(stage.draws().await, RED_PIXEL);
    }
    // Another mistake, another message.
    stage.folder.write("flat.frag", fragment("vec4(1, 1, 1)").replace("color;\n", "color;\n\n"));
    let error = stage.breaks_with("flat.frag:5: ").await;
    assert!(!error.contains("wrong"), "{error}");
    assert_eq!(stage.draws().await, RED_PIXEL);
    stage.folder.write("flat.frag", fragment(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    stage.end().await;
}

#[tokio::test]
async fn included_files_are_followed_wherever_they_are() {
    let mut stage = stage(&[
        ("flat.frag", including("parts/outer.glsl")),
        ("parts/outer.glsl", "#include \"../deep/inner.glsl\"\n".into()),
        ("deep/inner.glsl", paint(RED)),
    ])
    .await;
    assert_eq!(stage.draws().await, RED_PIXEL);
    stage.folder.write("deep/inner.glsl", paint(GREEN));
    stage.becomes(GREEN_PIXEL).await;

    // A mistake in it is named by it.
    stage.folder.write("deep/inner.glsl", paint("none"));
    let error = stage.breaks_with("none").await;
    assert!(error.contains("deep/inner.glsl:2: 'none' : undeclared identifier"), "{error}");
    stage.folder.write("deep/inner.glsl", paint(RED));
    stage.becomes(RED_PIXEL).await;

    // One that was not included before is from now on, in a folder that was not watched.
    stage.folder.write("other/new.glsl", paint(BLUE));
    stage.folder.write("parts/outer.glsl", "#include \"../other/new.glsl\"\n");
    stage.becomes(BLUE_PIXEL).await;
    stage.folder.write("other/new.glsl", paint(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    // And the one that is not included any more is not.
    let pipelines = stage.gpu.counters().pipelines;
    stage.folder.write("deep/inner.glsl", paint("none"));
    stage.folder.write("flat.frag", fragment(RED));
    stage.becomes(RED_PIXEL).await;
    assert_eq!(stage.gpu.counters().pipelines, pipelines + 1);
    stage.end().await;
}

#[tokio::test]
async fn a_file_that_another_is_renamed_over_is_followed() {
    let mut stage = stage(&[("flat.frag", including("paint.glsl")), ("paint.glsl", paint(RED))]).await;
    for (color, pixel) in [(GREEN, GREEN_PIXEL), (BLUE, BLUE_PIXEL), (RED, RED_PIXEL)] {
        replace(&stage.folder, "paint.glsl", &paint(color));
        stage.becomes(pixel).await;
    }
    replace(&stage.folder, "flat.frag", &fragment(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    stage.end().await;
}

#[tokio::test]
async fn a_file_deleted_and_restored_is_an_error_in_between() {
    let mut stage = stage(&[("flat.frag", including("paint.glsl")), ("paint.glsl", paint(RED))]).await;
    fs::remove_file(stage.folder.path().join("paint.glsl")).expect("removed");
    let error = stage.breaks().await;
    assert!(error.contains("flat.frag:3: ") && error.contains("paint.glsl"), "{error}");
    assert_eq!(stage.draws().await, RED_PIXEL);
    stage.folder.write("paint.glsl", paint(GREEN));
    stage.becomes(GREEN_PIXEL).await;

    fs::remove_file(stage.folder.path().join("flat.frag")).expect("removed");
    let error = stage.breaks().await;
    assert!(error.contains("flat.frag: No such file"), "{error}");
    assert_eq!(stage.draws().await, GREEN_PIXEL);
    stage.folder.write("flat.frag", fragment(BLUE));
    stage.becomes(BLUE_PIXEL).await;
    stage.end().await;
}

#[tokio::test]
async fn a_folder_deleted_and_restored_is_followed_again() {
    let mut stage = stage(&[("flat.frag", including("a/b/paint.glsl")), ("a/b/paint.glsl", paint(RED))]).await;
    for (color, pixel) in [(GREEN, GREEN_PIXEL), (BLUE, BLUE_PIXEL)] {
        fs::remove_dir_all(stage.folder.path().join("a")).expect("removed");
        stage.breaks().await;
        stage.folder.write("a/b/paint.glsl", paint(RED));
        stage.becomes(RED_PIXEL).await;
        // It is the new folder that is watched now.
        stage.folder.write("a/b/paint.glsl", paint(color));
        stage.becomes(pixel).await;
    }
    // Replaced at once, as when a branch is checked out.
    stage.folder.write("c/b/paint.glsl", paint(RED));
    fs::remove_dir_all(stage.folder.path().join("a")).expect("removed");
    fs::rename(stage.folder.path().join("c"), stage.folder.path().join("a")).expect("renamed");
    stage.becomes(RED_PIXEL).await;
    stage.folder.write("a/b/paint.glsl", paint(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    stage.end().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_where_it_is_and_where_it_points_to() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    let there = folder.write("elsewhere/real.glsl", paint(RED));
    let mut stage = {
        let gpu = strict_gpu();
        let files = [("flat.frag", including("paint.glsl")), ("paint.glsl", paint(BLUE))];
        Stage::new(gpu, &files).await
    };
    let link = stage.folder.path().join("paint.glsl");
    fs::remove_file(&link).expect("removed");
    symlink(&there, &link).expect("a link");
    stage.becomes(RED_PIXEL).await;
    fs::write(&there, paint(GREEN)).expect("written");
    stage.becomes(GREEN_PIXEL).await;
    stage.end().await;
}

#[tokio::test]
async fn many_quick_edits_end_with_the_last_one() {
    let mut stage = stage(&[("flat.frag", fragment(RED))]).await;
    for i in 0..50 {
        stage.folder.write("flat.frag", fragment(if i % 2 == 0 { "wrong" } else { BLUE }));
        tokio::time::sleep(Duration::from_millis(i % 7)).await;
    }
    stage.folder.write("flat.frag", fragment(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    stage.end().await;
}

#[tokio::test]
async fn what_is_saved_unchanged_makes_no_new_pipeline() {
    let mut stage = stage(&[("flat.frag", fragment(RED))]).await;
    let before = stage.gpu.counters().pipelines;
    replace(&stage.folder, "flat.frag", &fragment(RED));
    replace(&stage.folder, "flat.vert", live::VERTEX);
    stage.folder.write("unrelated.txt", "x");
    // A change after it is seen in the same look or a later one.
    tokio::time::sleep(Duration::from_millis(150)).await;
    stage.folder.write("flat.frag", fragment(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    assert_eq!(stage.gpu.counters().pipelines, before + 1);
    stage.end().await;
}

#[tokio::test]
async fn an_edit_is_seen_in_a_folder_where_something_always_happens() {
    let mut stage = stage(&[("flat.frag", fragment(RED))]).await;
    let path = stage.folder.path().join("log.txt");
    let busy = Arc::new(AtomicBool::new(true));
    let goes_on = Arc::clone(&busy);
    let writer = std::thread::spawn(move || {
        while goes_on.load(Ordering::Relaxed) {
            fs::write(&path, "again").expect("written");
        }
    });
    stage.folder.write("flat.frag", fragment(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    busy.store(false, Ordering::Relaxed);
    writer.join().expect("no panic");
    stage.end().await;
}

#[tokio::test]
async fn two_pipelines_of_one_include_both_change() {
    let mut stage = stage(&[("flat.frag", including("paint.glsl")), ("paint.glsl", paint(RED))]).await;
    let mut second = soon("a second", open(&stage.gpu, &stage.folder)).await.expect("a second");
    let mut clone = second.clone();
    stage.folder.write("paint.glsl", paint(GREEN));
    soon("the second", second.changed()).await.expect("changed");
    soon("the clone", clone.changed()).await.expect("changed");
    stage.becomes(GREEN_PIXEL).await;
    drop(second);
    // The others go on without it.
    stage.folder.write("paint.glsl", paint(BLUE));
    stage.becomes(BLUE_PIXEL).await;
    drop(clone);
    stage.end().await;
}

#[tokio::test]
async fn a_compute_shader_is_followed_too() {
    let gpu = strict_gpu();
    let folder = Folder::new();
    let kernel = |value: u32| {
        format!(
            "#version 460\n#extension GL_EXT_buffer_reference : require\n#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require\n\
             layout(local_size_x = 1) in;\nlayout(buffer_reference, std430) buffer Words {{ uint word; }};\n\
             layout(push_constant) uniform Push {{ Words to; }};\nvoid main() {{ to.word = {value}; }}\n"
        )
    };
    let path = folder.write("set.comp", kernel(7));
    let mut live = soon("a live pipeline", gpu.live_compute_pipeline(&path)).await.expect("a pipeline");
    let word = gpu.buffer::<u32>("word", 1).expect("a buffer");
    for value in [7, 8, 9] {
        if value > 7 {
            folder.write("set.comp", kernel(value));
            soon("a change", live.changed()).await.expect("changed");
            while live.error().is_some() {
                soon("a change", live.changed()).await.expect("changed");
            }
        }
        let graph = Graph::new(&gpu, "set");
        let (pipeline, address) = (live.current(), word.address());
        graph.pass("set").writes(&word).record(move |cmd| {
            cmd.bind(&pipeline).push(&address).dispatch([1, 1, 1]);
        });
        soon("a submit", graph.submit()).await.expect("submitted");
        assert_eq!(soon("a read", gpu.read(&word, ..)).await.expect("read")[0], value);
    }
    drop((live, word));
    close(gpu).await;
}

#[tokio::test]
async fn what_makes_no_pipeline_at_first_is_an_error() {
    let gpu = strict_gpu();
    let folder = Folder::new();
    folder.write("flat.vert", live::VERTEX);
    let fails = async || {
        let error = soon("an error", open(&gpu, &folder)).await.expect_err("no pipeline");
        assert!(matches!(error, Error::Shader { .. }), "{error:?}");
        folder.relative(error)
    };
    assert!(fails().await.contains("flat.frag: No such file"));
    folder.write("flat.frag", "#version 460\nvoid main() { nothing; }\n");
    assert!(fails().await.contains("flat.frag:2: 'nothing'"));
    folder.write("flat.frag", "void main() {\0}");
    assert!(fails().await.contains("flat.frag: it contains a NUL byte"));
    folder.write("flat.frag", b"\xff");
    assert!(fails().await.contains("flat.frag: it is no UTF-8 text"));
    folder.write("flat.frag", "");
    assert!(fails().await.contains("flat.frag:"));
    let error = soon("an error", gpu.live_compute_pipeline(folder.path().join("x.glsl"))).await.expect_err("no stage");
    assert!(error.to_string().contains(".comp, .vert or .frag"), "{error}");
    close(gpu).await;
}
