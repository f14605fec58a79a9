//! The `release` file of a Java installation, and the choice among what it says.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use smack_services::Catalog;
use smack_supply::java::{Places, choose};

static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
    let home = smack_fuzz::scratch("java");
    fs::create_dir(home.join("bin")).expect("it is new");
    fs::write(home.join("bin/java"), "").expect("there is room");
    home
});

fuzz_target!(|text: &str| {
    // Without a version the program itself would be asked.
    fs::write(HOME.join("release"), format!("JAVA_VERSION={text}")).expect("there is room");
    let places = Places {
        java_home: Some(HOME.clone()),
        ..Places::default()
    };
    let found = places.search();
    for entry in Catalog::embedded().entries() {
        match choose(&entry.product, &entry.java, &found) {
            Ok(choice) => assert!(entry.java.range.contains(choice.found.feature)),
            Err(error) => drop((error.to_string(), error.hint())),
        }
    }
});
