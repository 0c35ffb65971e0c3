//! Who runs beside whom, and who waits.

use tokio::sync::Barrier;

use super::*;

/// A system that ends when another one has begun as well.
fn meeting(name: &str, barrier: &Arc<Barrier>, reads: &[&CpuData<u64>], writes: &[&CpuData<u64>]) -> Numbers {
    let barrier = Arc::clone(barrier);
    let work: Work = Box::new(move |_, _| {
        let barrier = Arc::clone(&barrier);
        Box::pin(async move {
            barrier.wait().await;
            Ok(())
        })
    });
    Numbers::new(name, reads, writes, work)
}

async fn two_run_together() {
    let [left, right, shared] = numbers();
    let barrier = Arc::new(Barrier::new(2));
    // In one stage, in stages without order, in stages with one: they share what they read at most.
    let pair = || {
        let one = meeting("One", &barrier, &[&shared], &[&left]);
        [one, meeting("Two", &barrier, &[&shared], &[&right])].map(|system| Box::new(system) as Box<dyn Member>)
    };
    soon(begin(&Made::of(vec![("both", &[], pair().into())])).keep().finished()).await.expect("both ran");
    for after in [&[] as &[_], &["first"]] {
        let [one, two] = pair();
        let schedule = Made::of(vec![("first", &[], vec![one]), ("second", after, vec![two])]);
        soon(begin(&schedule).keep().finished()).await.expect("both ran");
    }
}

#[tokio::test]
async fn systems_that_share_nothing_that_is_written_run_at_the_same_time_on_one_thread() {
    two_run_together().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn systems_that_share_nothing_that_is_written_run_at_the_same_time_on_many_threads() {
    two_run_together().await;
}

#[tokio::test]
async fn systems_that_share_what_is_written_run_in_the_order_of_their_stages() {
    let ([x, y], log) = (numbers(), Log::default());
    let systems = vec![
        log.system("write", &[], &[&x]),
        log.system("read", &[&x], &[&y]),
        log.system("again", &[], &[&x]),
        log.system("last", &[&x, &y], &[]),
    ];
    soon(begin(&Made::line(systems)).keep().finished()).await.expect("all ran");
    assert_eq!(log.all(), ["write", "read", "again", "last"]);
}

#[tokio::test]
async fn the_next_run_begins_while_the_first_is_on_its_way_and_comes_after_it() {
    let ([x, y], stop) = (numbers(), Stop::default());
    let own = stop.clone();
    let held: Work = Box::new(move |_, mut writes| {
        let own = own.clone();
        Box::pin(async move {
            own.wait().await;
            *writes[0] += 1;
            Ok(())
        })
    });
    let schedule = Made::line(vec![Numbers::new("Held", &[], &[&x], held), Numbers::adding("Sum", &[&x], &[&y])]);
    let runs = [begin(&schedule).keep(), begin(&schedule).keep()];
    stop.reached().await;
    stop.go_on();
    soon(runs[0].finished()).await.expect("the first run");
    stop.reached_by(2).await;
    assert!(!runs[1].jobs[0].is_finished());
    stop.go_on();
    soon(runs[1].finished()).await.expect("the second run");
    assert_eq!(value(&y).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn runs_from_several_tasks_at_once_do_not_wait_for_each_other_forever() {
    let [x, y] = numbers();
    // Each run needs both; taken in another order by another run, they would wait for each other.
    let there = Made::line(vec![Numbers::adding("XThenY", &[&x], &[&y]), Numbers::adding("YThenX", &[&y], &[&x])]);
    let back = Made::line(vec![Numbers::adding("YThenX", &[&y], &[&x]), Numbers::adding("XThenY", &[&x], &[&y])]);
    let tasks = [there, back].map(|schedule| {
        tokio::spawn(async move {
            for _ in 0..200 {
                begin(&schedule).keep().finished().await.expect("it ran");
            }
        })
    });
    for task in tasks {
        soon(task).await.expect("no panic");
    }
}

#[tokio::test]
async fn data_that_is_read_through_two_fields_is_in_line_once() {
    let [x, y] = numbers();
    let schedule = Made::line(vec![Numbers::adding("Twice", &[&x, &y, &x], &[])]);
    let systems = bind(&*schedule, &Registry::new()).expect("a legal schedule");
    // Of two places in one line, the second might come after a writer that waits for the first to be given up.
    let mut turns = line_up(&systems);
    assert_eq!(turns[0].places(), 2);
    let guards = turns[0].come_at_once().expect("nobody else has it");
    let ids: Vec<_> = guards.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [x.id(), y.id(), x.id()], "in the order of the declaration");
    let mut write = Box::pin(x.write());
    assert!(futures::poll!(&mut write).is_pending());
    drop(guards);
    drop(soon(write).await);
}

#[tokio::test]
async fn without_a_runtime_systems_fail_and_give_their_data_back() {
    let [x] = numbers();
    let schedule = Made::line(vec![Numbers::adding("One", &[], &[&x])]);
    let begun = std::thread::spawn(move || begin(&schedule).keep()).join().expect("no panic");
    assert!(matches!(soon(begun.finished()).await, Err(Error::RuntimeGone)));
    assert_eq!(value(&x).await, 0);
}
