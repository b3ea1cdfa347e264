//! Servers that share the load: which of them is tried first is drawn by weight (RFC 2782).

use super::super::config::Server;
use crate::entropy::Entropy;

/// The servers in the order in which they are tried: those with a weight that follow one another change places among
/// themselves, the rest stay where they are.
pub(super) fn drawn(servers: Vec<Server>, entropy: &mut Entropy) -> Vec<Server> {
    let mut order = Vec::with_capacity(servers.len());
    let mut group = Vec::new();
    for server in servers {
        if server.weight == 0 {
            draw(&mut group, &mut order, entropy);
            order.push(server);
        } else {
            group.push(server);
        }
    }
    draw(&mut group, &mut order, entropy);
    order
}

fn draw(group: &mut Vec<Server>, order: &mut Vec<Server>, entropy: &mut Entropy) {
    while group.len() > 1 {
        let total: u64 = group.iter().map(|server| u64::from(server.weight)).sum();
        let mut left = entropy.below(total.max(1));
        let chosen = group.iter().position(|server| match left.checked_sub(u64::from(server.weight)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        order.push(group.remove(chosen.unwrap_or_default()));
    }
    order.append(group);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(seed: u8, servers: &[(&str, u16)]) -> String {
        let servers = servers.iter().map(|(name, weight)| {
            let uri = ["sip:", name, ";transport=tcp"].concat();
            Server::parse(&uri).expect("a server").weighted(*weight)
        });
        let order = drawn(servers.collect(), &mut Entropy::new([seed; 32]));
        order.iter().map(|server| &*server.target().host).collect()
    }

    #[test]
    fn who_comes_first_is_drawn_by_weight() {
        let first = (0..=255).filter(|seed| names(*seed, &[("a", 3), ("b", 1)]) == "ab").count();
        assert!((160..=224).contains(&first), "{first} of 256");
    }

    #[test]
    fn the_order_of_those_without_a_weight_stays() {
        for seed in 0..32 {
            assert_eq!(names(seed, &[("a", 0), ("b", 0), ("c", 0)]), "abc");
            let order = names(seed, &[("a", 0), ("b", 1), ("c", 1), ("d", 0), ("e", 5)]);
            assert!(order == "abcde" || order == "acbde", "{order}");
        }
    }
}
