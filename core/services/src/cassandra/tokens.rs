//! Where the nodes' shares of the ring begin. Each node in its turn takes the same from those that own the most then, so
//! its tokens follow from its number alone, and the first few nodes share the ring evenly, however few they are.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// As many positions as there are tokens.
const RING: u128 = 1 << 64;

/// The stretch of the ring that ends at a token.
struct Stretch {
    size: u128,
    token: u64,
}

/// The tokens of the nodes `0..nodes`, `per_node` each (at least one), in a data center with a place of its own on the
/// ring: data centers of one ring must not meet at a token.
pub(super) fn of(data_center: &str, nodes: u32, per_node: u32) -> Vec<Vec<i64>> {
    let mut stretches = vec![first(offset(data_center), per_node)];
    let mut owners = BTreeSet::from([(RING, Reverse(0))]);
    for node in 1..nodes as usize {
        let mut missing = RING / (node as u128 + 1);
        let mut own = Vec::with_capacity(per_node as usize);
        for left in (1..=u128::from(per_node)).rev() {
            let Some((owned, Reverse(donor))) = owners.pop_last() else {
                break;
            };
            let taken = take(&mut stretches[donor], missing / left, per_node);
            owners.insert((owned - taken.size, Reverse(donor)));
            missing -= taken.size.min(missing);
            own.push(taken);
        }
        let owned = own.iter().map(|stretch| stretch.size).sum();
        owners.insert((owned, Reverse(node)));
        stretches.push(own);
    }
    let tokens = |own: Vec<Stretch>| {
        own.iter()
            .map(|stretch| stretch.token.cast_signed())
            .collect()
    };
    stretches.into_iter().map(tokens).collect()
}

/// The first node owns all of it, in equal stretches.
fn first(start: u64, per_node: u32) -> Vec<Stretch> {
    let size = RING / u128::from(per_node);
    (0..per_node)
        .map(|index| Stretch {
            size,
            token: start.wrapping_add((size as u64).wrapping_mul(u64::from(index))),
        })
        .collect()
}

/// The front of the largest stretch: what is wanted, but never so much that little is left.
fn take(stretches: &mut [Stretch], wanted: u128, per_node: u32) -> Stretch {
    let largest = stretches
        .iter_mut()
        .max_by_key(|stretch| (stretch.size, Reverse(stretch.token)))
        .expect("every node has a token");
    let most = if per_node == 1 {
        largest.size / 2
    } else {
        largest.size / 4 * 3
    };
    let size = wanted.min(most).max(1);
    largest.size -= size;
    Stretch {
        size,
        token: largest.token.wrapping_sub(largest.size as u64),
    }
}

/// FNV-1a of the name.
fn offset(data_center: &str) -> u64 {
    data_center
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::of;

    /// What each of the nodes owns, reckoned from the tokens alone: the greatest by the least.
    fn imbalance(tokens: &[Vec<i64>]) -> f64 {
        let count: usize = tokens.iter().map(Vec::len).sum();
        let owned_by = |(node, own): (usize, &Vec<i64>)| {
            own.iter()
                .map(move |token| (*token, node))
                .collect::<Vec<_>>()
        };
        let ring: BTreeMap<i64, usize> = tokens.iter().enumerate().flat_map(owned_by).collect();
        assert_eq!(ring.len(), count, "a token twice");
        if tokens.len() == 1 {
            return 1.0;
        }
        let mut shares = vec![0.0_f64; tokens.len()];
        let mut before = *ring.last_key_value().expect("tokens").0;
        for (&token, &node) in &ring {
            shares[node] += token.wrapping_sub(before).cast_unsigned() as f64;
            before = token;
        }
        let greatest = shares.iter().copied().fold(0.0, f64::max);
        greatest / shares.iter().copied().fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn every_number_of_nodes_shares_the_ring_evenly() {
        for (per_node, limit) in [(1, 2.01), (4, 1.35), (8, 1.2), (16, 1.1), (32, 1.05)] {
            for nodes in 1..=40 {
                let found = imbalance(&of("dc1", nodes, per_node));
                assert!(
                    found <= limit,
                    "{nodes} nodes with {per_node} tokens: {found}"
                );
            }
        }
    }

    #[test]
    fn a_node_has_its_tokens_however_many_there_are() {
        let many = of("dc1", 100, 16);
        for nodes in 1..100 {
            assert_eq!(of("dc1", nodes, 16), many[..nodes as usize]);
        }
    }

    #[test]
    fn a_thousand_nodes_in_three_data_centers_never_meet() {
        let names = ["dc1", "dc2", "cassandra-zone1"];
        let every = |name: &str| of(name, 1000, 16).into_iter().flatten().collect::<Vec<_>>();
        let mut all: Vec<i64> = names.iter().flat_map(|name| every(name)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 48_000);
    }
}
