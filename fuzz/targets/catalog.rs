//! A catalog entry, under the name that its first two keys give it, and everything that is asked of an entry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smack_services::Catalog;

fuzz_target!(|text: &str| {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.map_or("", |value| value.trim().trim_matches('"'))
    };
    let file = format!("{}-{}.toml", value("product"), value("version"));
    match Catalog::parse(&[(file.as_str(), text)]) {
        Ok(catalog) => {
            for entry in catalog.entries() {
                drop((entry.set_name(), entry.tools_set_name(), entry.assets().count()));
                for jar in entry.jars_with_tools() {
                    assert!(!jar.file().is_empty() && !jar.path().is_empty());
                }
                drop(entry.knows_key("clientPort"));
                drop((entry.nearest_key("clientPrt"), entry.upgrades_from(&entry.version)));
                assert!(catalog.find(&entry.product, &entry.version).is_ok() || entry.version.trim() != entry.version
                    || entry.version.ends_with(".x"));
            }
        }
        Err(error) => drop(error.to_string()),
    }
});
