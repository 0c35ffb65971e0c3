//! Which stage comes before which.

use super::stage::Stage;
use crate::mistakes::Mistakes;

/// Of each stage, those that come before it, directly or not.
pub(super) struct Order(Vec<Vec<bool>>);

impl Order {
    pub(super) fn is_known(&self, a: usize, b: usize) -> bool {
        self.0[a][b] || self.0[b][a]
    }
}

pub(super) fn check(stages: &[Stage], mistakes: &mut Mistakes) -> Order {
    for (index, stage) in stages.iter().enumerate() {
        if stages[..index].iter().any(|earlier| earlier.name == stage.name) {
            mistakes.at(stage.span, format!("there is a stage `{}` already; give this one another name", stage.name));
        }
    }
    let names: Vec<_> = stages.iter().map(|stage| format!("`{}`", stage.name)).collect();
    let mut before = vec![vec![false; stages.len()]; stages.len()];
    for (index, stage) in stages.iter().enumerate() {
        for after in &stage.after {
            match stages.iter().position(|other| other.name == after.value()) {
                Some(other) => before[index][other] = true,
                None => mistakes.at(
                    after.span(),
                    format!("there is no stage `{}`; the stages are {}", after.value(), names.join(", ")),
                ),
            }
        }
    }
    if let Some(cycle) = cycle(&before) {
        let said: Vec<_> = cycle.iter().map(|&index| names[index].as_str()).collect();
        let message = match &said[..] {
            [one] => format!("{one} cannot come after itself; remove that `after`"),
            said => format!(
                "a cycle: {} comes after {}, which comes after {0}; remove one `after` of these",
                said[0],
                said[1..].join(", which comes after ")
            ),
        };
        mistakes.at(stages[cycle[0]].span, message);
    }
    close(&mut before);
    Order(before)
}

/// A shortest cycle through the first stage that is on any.
fn cycle(direct: &[Vec<bool>]) -> Option<Vec<usize>> {
    (0..direct.len()).find_map(|start| {
        // Breadth first, with the way to each.
        let mut ways = vec![vec![start]];
        let mut seen = vec![false; direct.len()];
        while !ways.is_empty() {
            let mut next = Vec::new();
            for way in ways {
                let last = way[way.len() - 1];
                for to in (0..direct.len()).filter(|&to| direct[last][to]) {
                    if to == start {
                        return Some(way);
                    }
                    if !std::mem::replace(&mut seen[to], true) {
                        next.push([&way[..], &[to]].concat());
                    }
                }
            }
            ways = next;
        }
        None
    })
}

/// What comes before what comes before comes before.
fn close(before: &mut [Vec<bool>]) {
    let count = before.len();
    for middle in 0..count {
        for late in 0..count {
            for early in 0..count {
                before[late][early] |= before[late][middle] && before[middle][early];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<bool>> {
        let mut direct = vec![vec![false; count]; count];
        edges.iter().for_each(|&(late, early)| direct[late][early] = true);
        direct
    }

    #[test]
    fn a_cycle_is_the_shortest_through_its_first_stage() {
        assert_eq!(cycle(&direct(3, &[(1, 0), (2, 1), (2, 0)])), None);
        assert_eq!(cycle(&direct(2, &[(1, 1)])), Some(vec![1]));
        assert_eq!(cycle(&direct(4, &[(0, 1), (1, 2), (2, 3), (3, 0), (2, 0)])), Some(vec![0, 1, 2]));
    }

    #[test]
    fn order_is_transitive() {
        let mut before = direct(4, &[(1, 0), (2, 1)]);
        close(&mut before);
        let order = Order(before);
        assert!(order.is_known(2, 0) && order.is_known(0, 2));
        assert!(!order.is_known(3, 0) && !order.is_known(1, 1));
    }
}
