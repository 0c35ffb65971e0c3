//! Three clocks: the wall's, this thread's CPU time, and the process's.

use std::time::Instant;

/// Microseconds on each clock.
pub(crate) type Reading = [f64; 3];

/// What the three measures are called.
pub(crate) const MEASURES: [&str; 3] = ["wall", "caller's CPU", "process CPU"];

/// Adds up what passes between `start` and `stop`, leaving out what is in between.
#[derive(Default)]
pub(crate) struct Stopwatch {
    /// Wall and thread.
    sums: [f64; 2],
    running: Option<(Instant, f64)>,
}

impl Stopwatch {
    pub(crate) fn start(&mut self) {
        self.running = Some((Instant::now(), thread_cpu()));
    }

    pub(crate) fn stop(&mut self) {
        let Some((wall, thread)) = self.running.take() else { return };
        self.sums[0] += wall.elapsed().as_secs_f64() * 1e6;
        self.sums[1] += thread_cpu() - thread;
    }

    /// The averages of `count` runs, with the process's CPU time since `process` beside them.
    pub(crate) fn per(&self, count: usize, process: f64) -> Reading {
        let count = count as f64;
        [self.sums[0] / count, self.sums[1] / count, (process_cpu() - process) / count]
    }
}

/// CPU time of the calling thread so far.
fn thread_cpu() -> f64 {
    read(THREAD)
}

/// CPU time of all threads of the process so far.
pub(crate) fn process_cpu() -> f64 {
    read(PROCESS)
}

// Linux's numbers of CLOCK_PROCESS_CPUTIME_ID and CLOCK_THREAD_CPUTIME_ID.
const PROCESS: i32 = 2;
const THREAD: i32 = 3;

/// Elsewhere the two CPU clocks stand at "not a number", and are printed so.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn read(_clock: i32) -> f64 {
    f64::NAN
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn read(clock: i32) -> f64 {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    }
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the C library's function, which std links, and its structure as 64-bit Linux has it.
    match unsafe { clock_gettime(clock, &mut time) } {
        0 => time.seconds as f64 * 1e6 + time.nanoseconds as f64 / 1e3,
        _ => f64::NAN,
    }
}
