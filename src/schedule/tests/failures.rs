//! Systems that fail, panic, or are aborted.

use super::*;

/// A system that goes wrong the first time.
fn broken(name: &str, reads: &[&CpuData<u64>], writes: &[&CpuData<u64>], wrong: fn() -> Result<()>) -> Numbers {
    let times = AtomicUsize::new(0);
    let work: Work = Box::new(move |_, _| {
        let first = times.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            tokio::task::yield_now().await;
            if first { wrong() } else { Ok(()) }
        })
    });
    Numbers::new(name, reads, writes, work)
}

/// `Broken` writes `x`; `Reader` reads that and writes `y`, which `Far` reads; `Writer` writes `x` over; `Aside` touches none
/// of it.
fn line(wrong: fn() -> Result<()>) -> (Arc<dyn AnySchedule>, Log) {
    let ([x, y, z], log) = (numbers(), Log::default());
    let systems = vec![
        broken("Broken", &[], &[&x], wrong),
        log.system("Reader", &[&x], &[&y]),
        log.system("Writer", &[], &[&x]),
        log.system("Far", &[&y], &[]),
        log.system("Aside", &[], &[&z]),
        log.system("Late", &[&x, &z], &[]),
    ];
    (Made::line(systems), log)
}

async fn those_after_it_fail_with_its_error(wrong: fn() -> Result<()>, expected: &str) {
    let (schedule, log) = line(wrong);
    let scheduled = begin(&schedule).keep();
    let error = soon(scheduled.finished()).await.expect_err("it went wrong");
    assert_eq!(error.to_string(), expected);
    for job in &scheduled.jobs {
        match (job.name(), soon(job.finished()).await) {
            ("Aside", ended) => ended.expect("it touches nothing of that"),
            (_, ended) => assert_eq!(ended.expect_err("it comes after").to_string(), expected),
        }
    }
    assert_eq!(log.all(), ["Aside"]);
    soon(begin(&schedule).keep().finished()).await.expect("the next run begins afresh");
    let mut ran = log.all().split_off(1);
    ran.sort();
    assert_eq!(ran, ["Aside", "Far", "Late", "Reader", "Writer"]);
}

#[tokio::test]
async fn systems_after_one_that_fails_fail_with_its_error_and_the_next_run_begins_afresh() {
    let wrong = || Err(Error::Invalid("no such world".to_owned()));
    those_after_it_fail_with_its_error(wrong, "job `Broken`: no such world").await;
}

#[tokio::test]
async fn systems_after_one_that_panics_fail_with_its_panic_and_the_next_run_begins_afresh() {
    let wrong = || panic!("the world is flat");
    those_after_it_fail_with_its_error(wrong, "job `Broken` panicked: the world is flat").await;
}

#[tokio::test]
async fn readers_before_one_that_fails_do_not_mind() {
    let ([x], log) = (numbers(), Log::default());
    let wrong = broken("Broken", &[], &[&x], || Err(Error::Closed));
    let schedule = Made::line(vec![log.system("Before", &[&x], &[]), wrong]);
    soon(begin(&schedule).keep().finished()).await.expect_err("it went wrong");
    assert_eq!(log.all(), ["Before"]);
}

#[tokio::test]
async fn one_that_only_reads_and_fails_harms_nobody() {
    let ([x], log) = (numbers(), Log::default());
    let wrong = broken("Broken", &[&x], &[], || Err(Error::Closed));
    let schedule = Made::line(vec![wrong, log.system("Writer", &[], &[&x])]);
    soon(begin(&schedule).keep().finished()).await.expect_err("it went wrong");
    assert_eq!(log.all(), ["Writer"]);
}

/// Steps that the systems of the cancelled schedule take.
const STEPS: usize = 6;

/// Two systems in a line that write down each step, and one that comes after them; they stop at step `at`.
fn steps(at: usize, stop: &Stop, log: &Log, data: &[CpuData<u64>; 2]) -> Arc<dyn AnySchedule> {
    let steps = |name: &'static str, first: usize, reads: &[&CpuData<u64>], writes: &[&CpuData<u64>]| {
        let (stop, log) = (stop.clone(), log.clone());
        let work: Work = Box::new(move |_, mut writes| {
            let (stop, log) = (stop.clone(), log.clone());
            Box::pin(async move {
                for step in first..first + STEPS / 2 {
                    if step == at {
                        stop.wait().await;
                    }
                    *writes[0] += 1;
                    log.note(&format!("{name} {step}"));
                    tokio::task::yield_now().await;
                }
                Ok(())
            })
        });
        Numbers::new(name, reads, writes, work)
    };
    let [x, y] = data;
    let first = steps("first", 0, &[], &[x]);
    let second = steps("second", STEPS / 2, &[x], &[y]);
    Made::line(vec![first, second, log.system("last", &[x, y], &[])])
}

async fn aborted_at_each_step() {
    for at in 0..STEPS {
        let (stop, log, data) = (Stop::default(), Log::default(), numbers());
        let schedule = steps(at, &stop, &log, &data);
        let Begun { scheduled, owners } = begin(&schedule);
        stop.reached().await;
        drop(owners); // the graph is dropped
        let ended = soon(scheduled.finished()).await;
        assert!(matches!(ended, Err(Error::Cancelled)), "step {at}: {ended:?}");
        // Everybody lets go of everything, and nobody goes on with what is half done.
        let [x, y] = [value(&data[0]).await, value(&data[1]).await];
        assert_eq!((x + y) as usize, at, "x {x}, y {y}");
        assert_eq!(log.all().len(), at, "{:?}", log.all());
        stop.go_on();
        let again = begin(&schedule);
        let next = again.keep();
        soon(next.finished()).await.expect("the next run begins afresh");
        assert_eq!(log.all().len(), at + STEPS + 1);
    }
}

#[tokio::test]
async fn a_dropped_graph_aborts_its_systems_wherever_they_are_on_one_thread() {
    aborted_at_each_step().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_dropped_graph_aborts_its_systems_wherever_they_are_on_many_threads() {
    aborted_at_each_step().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn nobody_goes_on_with_what_an_aborted_system_left() {
    // The first is aborted while it holds `x`; the second would see a number that is odd.
    for round in 0..500_usize {
        let [x] = numbers();
        let halves: Work = Box::new(|_, mut writes| {
            Box::pin(async move {
                *writes[0] += 1;
                tokio::task::yield_now().await;
                *writes[0] += 1;
                Ok(())
            })
        });
        let odd = Arc::new(AtomicUsize::new(0));
        let own = Arc::clone(&odd);
        let look: Work = Box::new(move |reads, _| {
            own.fetch_add(*reads[0] as usize % 2, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        });
        let schedule =
            Made::line(vec![Numbers::new("Halves", &[], &[&x], halves), Numbers::new("Look", &[&x], &[], look)]);
        let Begun { scheduled, owners } = begin(&schedule);
        for _ in 0..round % 8 {
            tokio::task::yield_now().await;
        }
        drop(owners);
        let ended = soon(scheduled.finished()).await;
        assert!(matches!(ended, Ok(()) | Err(Error::Cancelled)), "{ended:?}");
        drop(soon(x.write()).await); // whoever looks has looked
        assert_eq!(odd.load(Ordering::SeqCst), 0, "round {round}");
    }
}
