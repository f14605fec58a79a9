//! A catalog entry, under the name that its first two keys give it, and everything that is asked of an entry.
#![no_main]

use std::hint::black_box;

use libfuzzer_sys::fuzz_target;
use smack_services::Catalog;

fuzz_target!(|text: &str| {
    let value = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.map_or("", |value| value.trim().trim_matches('"'))
    };
    let file = format!("{}-{}.toml", value("product"), value("version"));
    match Catalog::parse(&[(file.as_str(), text)]) {
        Ok(catalog) => {
            for entry in catalog.entries() {
                drop((
                    entry.set_name(),
                    entry.tools_set_name(),
                    entry.assets().count(),
                ));
                for jar in entry.jars_with_tools() {
                    assert!(!jar.file().is_empty() && !jar.path().is_empty());
                }
                black_box((
                    entry.knows_key("clientPort"),
                    entry.nearest_key("clientPrt"),
                ));
                let is_plain =
                    entry.version.trim() == entry.version && !entry.version.ends_with(".x");
                assert!(!is_plain || catalog.find(&entry.product, &entry.version).is_ok());
                black_box(entry.upgrades_from(&entry.version));
            }
        }
        Err(error) => drop(error.to_string()),
    }
});
