//! Schedules that make no sense.

use super::*;
use crate::{exec::Encoder, system::GpuMember};

fn refusal(schedule: &Arc<dyn AnySchedule>) -> String {
    match bind(&**schedule, &Registry::new()) {
        Ok(_) => panic!("it makes sense"),
        Err(error) => error.to_string(),
    }
}

fn boxed(system: Numbers) -> Vec<Box<dyn Member>> {
    vec![Box::new(system)]
}

#[test]
fn a_writer_beside_a_reader_in_one_stage_is_an_error_that_names_both() {
    let [x] = numbers();
    let both: Vec<Box<dyn Member>> =
        vec![Box::new(Numbers::adding("See", &[&x], &[])), Box::new(Numbers::adding("Set", &[], &[&x]))];
    let expected = "graph: systems `See` and `Set` of stage `all` both touch CPU data `u64`, `Set` writes it, and nothing says \
                    which comes first; move the one that comes second to a stage that is `after = \"all\"`";
    assert_eq!(refusal(&Made::of(vec![("all", &[], both)])), expected);
}

#[test]
fn two_writers_in_stages_without_an_order_are_an_error_that_names_the_stages() {
    let [x] = numbers();
    let stages = |after| {
        let [one, two] = ["One", "Two"].map(|name| boxed(Numbers::adding(name, &[], &[&x])));
        let root = boxed(Numbers::adding("Root", &[], &[]));
        Made::of(vec![("a", &["root"], one), ("b", after, two), ("root", &[], root)])
    };
    let expected = "graph: systems `One` (stage `a`) and `Two` (stage `b`) both touch CPU data `u64`, both write it, and neither \
                    stage comes after the other; say `after = \"a\"` of stage `b`, or the other way round";
    assert_eq!(refusal(&stages(&["root"])), expected);
    assert!(bind(&*stages(&["a"]), &Registry::new()).is_ok());
}

#[test]
fn readers_need_no_order() {
    let [x] = numbers();
    let both: Vec<Box<dyn Member>> =
        vec![Box::new(Numbers::adding("One", &[&x], &[])), Box::new(Numbers::adding("Two", &[&x], &[]))];
    assert!(bind(&*Made::of(vec![("all", &[], both)]), &Registry::new()).is_ok());
}

#[test]
fn data_that_a_system_has_twice_and_writes_is_an_error_instead_of_a_wait_for_itself() {
    let [x] = numbers();
    for (reads, writes) in [(vec![&x], vec![&x]), (vec![], vec![&x, &x])] {
        let error = refusal(&Made::line(vec![Numbers::adding("Self", &reads, &writes)]));
        assert!(error.starts_with("graph: system `Self`: `u64` and `u64` are the same CPU data"), "{error}");
    }
}

/// A member by hand, which says what it likes.
struct Odd {
    records: bool,
    data: CpuData<u64>,
}

impl GpuMember for Odd {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

impl CpuMember for Odd {
    fn run<'a>(&'a self, guards: &'a mut Guards) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { guards.each().write::<u64>().map(drop) })
    }
}

impl Member for Odd {
    fn name(&self) -> &str {
        "Odd"
    }

    fn bind(&self, _: &Registry, to: &mut Binding) -> Result<()> {
        let mode = if self.records { Mode::Write } else { Mode::Read };
        to.cpu(cpu_meta::<u64>("u64", None, Some("left")), mode, &self.data);
        Ok(())
    }

    fn outline(&self, _: &mut Outline) {}

    fn act(&self) -> Act<'_> {
        if self.records { Act::Gpu(self) } else { Act::Cpu(self) }
    }
}

#[tokio::test]
async fn members_by_hand_that_do_not_do_as_they_declare_are_told_so() {
    let [data] = numbers();
    let odd = |records| Made::of(vec![("all", &[], vec![Box::new(Odd { records, data: data.clone() }) as _])]);
    let expected = "graph: system `Odd`: it records commands and writes CPU data `u64 = \"left\"`; write that in a system of its \
                    own";
    assert_eq!(refusal(&odd(true)), expected);
    let error = soon(begin(&odd(false)).keep().finished()).await.expect_err("it only reads").to_string();
    assert!(error.starts_with("job `Odd`: graph: it writes CPU data `u64` in another order"), "{error}");
}

#[test]
fn a_stage_that_says_more_systems_than_it_has_is_an_error() {
    let short = Arc::new(Made { stages: &[Stage { name: "a", after: &[], members: 1 }], members: vec![vec![]] });
    let error = refusal(&(short as Arc<dyn AnySchedule>));
    assert!(error.contains("stage `a` of schedule `Made` is said to have a system 0"), "{error}");
}
