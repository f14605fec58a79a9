//! The dependencies of applications: cycles by name, and what is reached from where. Applications are numbers here.

use std::collections::BTreeSet;

/// One cycle per knot, as the numbers along it, the first repeated at the end.
pub(crate) fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut state = vec![State::New; edges.len()];
    let mut found = Vec::new();
    for start in 0..edges.len() {
        if state[start] != State::New {
            continue;
        }
        // The path from `start`, and for each node on it the next edge to follow.
        let mut path = vec![(start, 0)];
        state[start] = State::OnPath;
        while let Some((node, next)) = path.last_mut() {
            let Some(&target) = edges[*node].get(*next) else {
                state[*node] = State::Done;
                path.pop();
                continue;
            };
            *next += 1;
            match state[target] {
                State::New => {
                    state[target] = State::OnPath;
                    path.push((target, 0));
                }
                State::OnPath => {
                    let from = path
                        .iter()
                        .position(|(node, _)| *node == target)
                        .unwrap_or(0);
                    let mut cycle: Vec<usize> =
                        path[from..].iter().map(|(node, _)| *node).collect();
                    cycle.push(target);
                    found.push(cycle);
                }
                State::Done => {}
            }
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    Done,
}

/// Everything that `start` depends on, directly or not.
pub(crate) fn reached(edges: &[Vec<usize>], start: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = edges[start].clone();
    while let Some(node) = open.pop() {
        if found.insert(node) {
            open.extend(&edges[node]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{cycles, reached};

    #[test]
    fn cycles_are_found_and_long_chains_are_none() {
        assert_eq!(cycles(&[vec![1], vec![2], vec![0]]), [vec![0, 1, 2, 0]]);
        assert_eq!(cycles(&[vec![0]]), [vec![0, 0]]);
        assert!(cycles(&[vec![1, 2], vec![3], vec![3], vec![]]).is_empty());
        let chain: Vec<Vec<usize>> = (0..100_000)
            .map(|n| if n == 0 { vec![] } else { vec![n - 1] })
            .collect();
        assert!(cycles(&chain).is_empty());
        assert_eq!(reached(&chain, 5).len(), 5);
    }
}
