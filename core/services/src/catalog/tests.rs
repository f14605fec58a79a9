//! Tables over the embedded entries and the look-ups in them.

use super::{Catalog, Mode, TEXTS, Unknown};

#[test]
fn embedded_entries_are_whole() {
    let catalog = Catalog::parse(TEXTS).unwrap();
    for entry in catalog.entries() {
        assert!(!entry.locked.jars.is_empty(), "{}", entry.name());
        for keys in [&entry.locked.config_keys, &entry.locked.topic_config_keys] {
            assert!(keys.is_sorted(), "{}", entry.name());
        }
        for renamed in &entry.locked.former_config_keys {
            let (was, now) = (&renamed.was, &renamed.now);
            assert!(!entry.knows_key(was) && entry.knows_key(now), "{was}");
        }
        if entry.unpack.is_some() {
            assert_eq!(entry.locked.jars.len(), 1, "{}", entry.name());
        }
        for jar in entry.jars_with_tools() {
            assert_eq!(jar.sha256.len(), 64, "{}", jar.at);
        }
        for key in entry.minimal.keys() {
            assert!(entry.knows_key(key), "{} {key}", entry.name());
        }
        assert!(
            entry
                .java
                .prefer
                .iter()
                .all(|java| entry.java.range.contains(*java)),
            "{}",
            entry.name()
        );
    }
}

#[test]
fn versions_and_aliases_are_found() {
    let find = |product, version| match Catalog::embedded().find(product, version) {
        Ok(entry) => entry.name(),
        Err(unknown) => format!("{unknown}; {}", unknown.hint()),
    };
    for (product, version, expected) in [
        ("kafka", "3.9.2", "kafka-3.9.2"),
        ("kafka", "3.9", "kafka-3.9.2"),
        ("kafka", "3.9.x", "kafka-3.9.2"),
        ("kafka", "4", "kafka-4.3.1"),
        ("kafka", "latest", "kafka-4.3.1"),
        ("zookeeper", "3", "zookeeper-3.9.5"),
        (
            "kafka",
            "3.9.1",
            "unknown version `3.9.1` of kafka; did you mean 3.9.2? known: 3.9.2, 4.3.1",
        ),
        (
            "kafka",
            "4.9.9",
            "unknown version `4.9.9` of kafka; did you mean 4.3.1? known: 3.9.2, 4.3.1",
        ),
        (
            "kafka",
            "11",
            "unknown version `11` of kafka; did you mean 4.3.1? known: 3.9.2, 4.3.1",
        ),
        (
            "kafak",
            "4",
            "unknown product `kafak`; did you mean kafka? known: cassandra, kafka, zipkin, zookeeper",
        ),
        (
            "oracle",
            "4",
            "unknown product `oracle`; known: cassandra, kafka, zipkin, zookeeper",
        ),
    ] {
        assert_eq!(find(product, version), expected);
    }
}

#[test]
fn keys_are_known_or_have_a_neighbour() {
    let entry = Catalog::embedded().find("kafka", "3.9").unwrap();
    assert_eq!(entry.mode, Some(Mode::Zookeeper));
    for key in [
        "zookeeper.connect",
        "listeners",
        "log.dirs",
        "listener.name.internal.ssl.keystore.location",
    ] {
        assert!(entry.knows_key(key), "{key}");
    }
    assert!(!entry.knows_key("listener.name."));
    assert!(!entry.knows_key("num.partition"));
    assert_eq!(entry.nearest_key("num.partition"), Some("num.partitions"));
    assert_eq!(
        entry.nearest_topic_key("retention.sm"),
        Some("retention.ms")
    );
    assert!(entry.knows_topic_key("min.insync.replicas"));
    let kraft = Catalog::embedded().find("kafka", "4").unwrap();
    assert!(!kraft.knows_key("zookeeper.connect") && kraft.knows_key("process.roles"));
    let zookeeper = Catalog::embedded().find("zookeeper", "3.9").unwrap();
    for key in [
        "tickTime",
        "server.1",
        "snapshot.trust.empty",
        "4lw.commands.whitelist",
        "ssl.quorum.keyStore.location",
    ] {
        assert!(zookeeper.knows_key(key), "{key}");
    }
    assert_eq!(zookeeper.nearest_key("ticktime"), Some("tickTime"));
    let cassandra = Catalog::embedded().find("cassandra", "5.0").unwrap();
    assert_eq!(
        cassandra.renamed_key("read_request_timeout_in_ms"),
        Some("read_request_timeout")
    );
    assert_eq!(cassandra.renamed_key("read_request_timeout"), None);
}

#[test]
fn artifacts_have_a_file_name_and_a_place_in_a_repository() {
    let jar = super::Artifact {
        at: "a.b:c:1.0:linux".into(),
        size: 1,
        sha256: String::new(),
    };
    assert_eq!(
        (jar.file().as_str(), jar.path().as_str()),
        ("c-1.0-linux.jar", "a/b/c/1.0/c-1.0-linux.jar")
    );
}

#[test]
fn java_ranges_are_read_or_refused() {
    let range = |text: &str| super::JavaRange::try_from(text.to_owned());
    let bounded = range(">=11 <25").unwrap();
    assert!(
        !bounded.contains(8)
            && bounded.contains(11)
            && bounded.contains(24)
            && !bounded.contains(25)
    );
    assert!(range(">=17").unwrap().contains(99));
    assert_eq!(bounded.to_string(), ">=11 <25");
    for wrong in ["", "17", ">=x", ">=1 2", ">=1 <2 <3"] {
        assert!(range(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn entries_that_are_wrong_say_where() {
    let &(_, good) = TEXTS
        .iter()
        .find(|(file, _)| *file == "zookeeper-3.9.5.toml")
        .unwrap();
    for (file, text, expected) in [
        (
            "zookeeper-3.9.5.toml",
            good.replace("product", "produkt"),
            "zookeeper-3.9.5.toml",
        ),
        (
            "zookeeper-3.9.4.toml",
            good.to_owned(),
            "zookeeper-3.9.4.toml describes zookeeper-3.9.5",
        ),
    ] {
        assert_eq!(
            Catalog::parse(&[(file, &text)]).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn upgrades_are_by_whole_parts() {
    let entry = Catalog::embedded().by_name("kafka-3.9.2").unwrap();
    assert!(entry.upgrades_from("3.9") && entry.upgrades_from("3.8.1"));
    assert!(!entry.upgrades_from("3.90") && !entry.upgrades_from("4.3.1"));
    assert!(matches!(
        Catalog::embedded().find("x", "1"),
        Err(Unknown::Product { .. })
    ));
}

#[test]
fn the_checkpoint_of_kraft_is_there() {
    let entry = Catalog::embedded().find("kafka", "4.3.1").unwrap();
    let assets: Vec<_> = entry
        .assets()
        .map(|(name, bytes)| (name, bytes.len()))
        .collect();
    assert_eq!(assets, [("bootstrap.checkpoint", 411)]);
    assert!(entry.set_name().starts_with("kafka-4.3.1-"));
    assert!(
        entry
            .tools_set_name()
            .unwrap()
            .starts_with("kafka-4.3.1-tools-")
    );
}
