//! The example stacks are good, and are what they say.

use crate::support::built;

const PIPELINE: &str = include_str!("../../../../stacks/pipeline.yaml");
const KRAFT: &str = include_str!("../../../../stacks/kraft.yaml");
const FEED: &str = include_str!("../../../../stacks/feed.yaml");
const FEED_READER: &str = include_str!("../../../../stacks/feed-reader.yaml");
const SHOP: &str = include_str!("../../../../stacks/marathon/shop.json");
const HELLO: &str = include_str!("../../../../stacks/hello.yaml");

/// `application: tasks` of a stack without notices.
fn tasks(text: &str) -> Vec<String> {
    let platform = built(text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(platform.notices.to_string(), "");
    platform
        .specs
        .iter()
        .map(|(id, spec)| format!("{id}: {}", spec.tasks.len()))
        .collect()
}

#[test]
fn every_example_stack_builds() {
    assert_eq!(tasks(PIPELINE), ["kafka: 3", "zookeeper: 3"]);
    assert_eq!(tasks(KRAFT), ["kafka: 3"]);
    assert_eq!(tasks(FEED), ["feed: 1"]);
    assert_eq!(tasks(FEED_READER), ["reader: 1"]);
    assert_eq!(tasks(SHOP), ["shop-data-prices: 1", "shop-front-web: 2"]);
    assert_eq!(tasks(HELLO), ["clock: 2", "prepare: 1", "report: 1"]);
}
