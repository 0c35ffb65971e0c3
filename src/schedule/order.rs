//! The order of a schedule's stages.

use super::Stage;
use crate::error::{Error, Result};

/// Which stage comes after which.
#[derive(Debug)]
pub(crate) struct Order {
    /// Indices of stages, each after all that it comes after; as declared where nothing else is said.
    pub(crate) sequence: Vec<usize>,
    /// By stage, those that it comes after, at once or through others.
    after: Vec<Vec<bool>>,
}

impl Order {
    /// The order of a schedule's stages.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] for a stage that is there twice or not at all, and for a cycle.
    pub(crate) fn of(schedule: &str, stages: &[Stage]) -> Result<Self> {
        let direct = direct(schedule, stages)?;
        let mut order = Self { sequence: Vec::with_capacity(stages.len()), after: Vec::new() };
        order.after = vec![vec![false; stages.len()]; stages.len()];
        let mut placed = vec![false; stages.len()];
        while order.sequence.len() < stages.len() {
            let ready = |stage: &usize| !placed[*stage] && direct[*stage].iter().all(|&before| placed[before]);
            let Some(next) = (0..stages.len()).find(ready) else {
                return Err(cycle(schedule, stages, &direct, &placed));
            };
            order.place(next, &direct[next]);
            placed[next] = true;
        }
        Ok(order)
    }

    fn place(&mut self, stage: usize, direct: &[usize]) {
        for &before in direct {
            let through = self.after[before].clone();
            self.after[stage].iter_mut().zip(through).for_each(|(own, through)| *own |= through);
            self.after[stage][before] = true;
        }
        self.sequence.push(stage);
    }

    /// Whether one of two stages comes after the other.
    pub(crate) fn is_known(&self, a: usize, b: usize) -> bool {
        self.after[a][b] || self.after[b][a]
    }
}

/// By stage, those that it names.
fn direct(schedule: &str, stages: &[Stage]) -> Result<Vec<Vec<usize>>> {
    let index = |name: &str| stages.iter().position(|stage| stage.name == name);
    let mut direct = Vec::with_capacity(stages.len());
    for (number, stage) in stages.iter().enumerate() {
        let name = stage.name;
        if index(name) != Some(number) {
            return Err(Error::Graph(format!(
                "schedule `{schedule}` has two stages `{name}`; give one of them another name"
            )));
        }
        let named = stage.after.iter().map(|&after| index(after).ok_or_else(|| unknown(schedule, stages, name, after)));
        direct.push(named.collect::<Result<Vec<_>>>()?);
    }
    Ok(direct)
}

fn unknown(schedule: &str, stages: &[Stage], stage: &str, after: &str) -> Error {
    let names: Vec<_> = stages.iter().map(|stage| format!("`{}`", stage.name)).collect();
    Error::Graph(format!(
        "stage `{stage}` of schedule `{schedule}` is said to come after `{after}`, which is none of its stages: {}",
        names.join(", ")
    ))
}

/// Stages that wait for each other, in the order in which they would have to run.
fn cycle(schedule: &str, stages: &[Stage], direct: &[Vec<usize>], placed: &[bool]) -> Error {
    let mut way: Vec<usize> = Vec::new();
    let mut next = placed.iter().position(|placed| !placed);
    while let Some(stage) = next.filter(|stage| !way.contains(stage)) {
        way.push(stage);
        next = direct[stage].iter().copied().find(|&before| !placed[before]);
    }
    // What leads to the cycle is none of it.
    let first = way.iter().position(|&stage| Some(stage) == next).unwrap_or(0);
    let names: Vec<_> = way[first..].iter().rev().map(|&stage| format!("`{}`", stages[stage].name)).collect();
    let names = names.join(", ");
    Error::Graph(format!(
        "a cycle in schedule `{schedule}`: of the stages {names} each comes before the next one, the last before the first"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &'static str, after: &'static [&'static str]) -> Stage {
        Stage { name, after, members: 1 }
    }

    fn refusal(stages: &[Stage]) -> String {
        Order::of("Game", stages).expect_err("refused").to_string()
    }

    #[test]
    fn stages_come_after_those_that_they_name_and_else_as_declared() {
        let stages =
            [stage("draw", &["move", "light"]), stage("move", &["input"]), stage("light", &[]), stage("input", &[])];
        let order = Order::of("Game", &stages).expect("an order");
        assert_eq!(order.sequence, [2, 3, 1, 0]);
        assert!(order.is_known(0, 3) && order.is_known(3, 0), "through `move`");
        assert!(!order.is_known(1, 2) && !order.is_known(0, 0));
    }

    #[test]
    fn an_unknown_stage_is_told_with_those_that_there_are() {
        let error = refusal(&[stage("draw", &["mvoe"]), stage("move", &[])]);
        let expected = "graph: stage `draw` of schedule `Game` is said to come after `mvoe`, which is none of its stages: \
                        `draw`, `move`";
        assert_eq!(error, expected);
    }

    #[test]
    fn two_stages_of_one_name_are_refused() {
        assert!(refusal(&[stage("a", &[]), stage("a", &[])]).contains("two stages `a`"));
    }

    #[test]
    fn a_cycle_is_told_without_what_only_leads_there() {
        let error = refusal(&[stage("last", &["c"]), stage("a", &["c"]), stage("b", &["a"]), stage("c", &["b"])]);
        assert!(error.contains("of the stages `a`, `b`, `c` each"), "{error}");
        assert!(refusal(&[stage("a", &["a"])]).contains("of the stages `a` each"));
    }
}
