//! Finding Java: JAVA_HOME, PATH and the places where installations usually lie. The version is read from the
//! installation's `release` file, without starting it; only where that is missing is `java -version` asked. Which one is
//! taken follows the product's list of preferences, and the choice says why.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use smack_services::catalog;

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `JAVA_HOME`
    pub java_home: Option<PathBuf>,
    /// the directories of `PATH`
    pub path: Vec<PathBuf>,
    /// directories that hold installations
    pub roots: Vec<PathBuf>,
}

/// One installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// the installation's directory; the program is `bin/java` in it
    pub home: PathBuf,
    /// `17.0.15`
    pub version: String,
    /// `17`
    pub feature: u32,
    /// the exact build, which start archives depend on: `17.0.15+6-Debian-1deb12u1`
    pub build: String,
    /// `JAVA_HOME`, `PATH`, or the directory it was found in
    pub by: String,
}

/// The Java taken for a product, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// the installation
    pub found: Found,
    /// `preferred for kafka 3.9.2 (found in /usr/lib/jvm)`
    pub why: String,
}

/// No installation fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no Java {wanted} for {product}: {}", describe(found))]
pub struct NoJava {
    /// for which product
    pub product: String,
    /// its range
    pub wanted: catalog::JavaRange,
    /// what there is instead
    pub found: Vec<Found>,
}

impl NoJava {
    /// What the user can do.
    pub fn hint(&self) -> String {
        format!(
            "install a Java runtime {} or let JAVA_HOME name one; a package such as openjdk-17-jre-headless is enough",
            self.wanted
        )
    }
}

impl Found {
    /// The program.
    pub fn program(&self) -> PathBuf {
        self.home.join("bin/java")
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {}", self.version, self.home.display())
    }
}

impl Places {
    /// The places of this user and machine: `JAVA_HOME`, `PATH`, and the directories of `SMACK_JAVA_HOMES`, which stand
    /// for those where packages and version managers put Java.
    pub fn of_user() -> Places {
        let home = env::home_dir().unwrap_or_default();
        let under_home = [
            ".sdkman/candidates/java",
            ".jdks",
            ".asdf/installs/java",
            ".local/share/mise/installs/java",
        ];
        let roots = [
            "/usr/lib/jvm",
            "/usr/java",
            "/opt",
            "/opt/java",
            "/usr/local",
        ]
        .into_iter()
        .map(PathBuf::from);
        let known = || {
            roots
                .chain(under_home.map(|place| home.join(place)))
                .collect()
        };
        let named = env::var_os("SMACK_JAVA_HOMES");
        Places {
            java_home: env::var_os("JAVA_HOME").map(PathBuf::from),
            path: env::var_os("PATH")
                .map(|path| env::split_paths(&path).collect())
                .unwrap_or_default(),
            roots: named.map_or_else(known, |named| env::split_paths(&named).collect()),
        }
    }

    /// Every installation, each once, in the order of the places.
    pub fn search(&self) -> Vec<Found> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (by, home) in self.candidates() {
            let Ok(home) = home.canonicalize() else {
                continue;
            };
            if seen.insert(home.clone()) {
                found.extend(examine(&home, &by));
            }
        }
        found
    }

    fn candidates(&self) -> Vec<(String, PathBuf)> {
        let mut candidates = Vec::new();
        if let Some(home) = &self.java_home {
            candidates.push(("JAVA_HOME".to_owned(), home.clone()));
        }
        for directory in &self.path {
            // The program in PATH is usually a link; its installation is two levels above what it points to.
            if let Ok(program) = directory.join("java").canonicalize()
                && let Some(home) = program.parent().and_then(Path::parent)
            {
                let above = home
                    .parent()
                    .filter(|_| home.ends_with("jre"))
                    .filter(|above| above.join("release").is_file());
                candidates.push(("PATH".to_owned(), above.unwrap_or(home).to_owned()));
            }
        }
        for root in &self.roots {
            let mut homes: Vec<PathBuf> = fs::read_dir(root)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .collect();
            homes.sort();
            candidates.extend(
                homes
                    .into_iter()
                    .map(|home| (root.display().to_string(), home)),
            );
        }
        candidates
    }
}

/// Chooses among installations: the best preferred version, then the lowest in range; at a tie the first found.
pub fn choose(product: &str, wanted: &catalog::Java, found: &[Found]) -> Result<Choice, NoJava> {
    let rank = |java: &Found| {
        let preferred = wanted
            .prefer
            .iter()
            .position(|feature| *feature == java.feature);
        (preferred.unwrap_or(usize::MAX), java.feature)
    };
    let fitting = found
        .iter()
        .filter(|java| wanted.range.contains(java.feature));
    let Some(best) = fitting.min_by_key(|java| rank(java)) else {
        return Err(NoJava {
            product: product.to_owned(),
            wanted: wanted.range,
            found: found.to_vec(),
        });
    };
    let reason = match rank(best).0 {
        0 => format!("Java {} is preferred for {product}", best.feature),
        usize::MAX => format!("{product} runs on Java {}", wanted.range),
        _ => format!(
            "the best for {product} that is here (first choice: Java {})",
            wanted.prefer[0]
        ),
    };
    Ok(Choice {
        found: best.clone(),
        why: format!("{reason}, found by {}", best.by),
    })
}

fn describe(found: &[Found]) -> String {
    if found.is_empty() {
        return "there is none in JAVA_HOME, PATH or the usual places".to_owned();
    }
    let list: Vec<String> = found.iter().map(Found::to_string).collect();
    format!("there is {}", list.join(", "))
}

fn examine(home: &Path, by: &str) -> Option<Found> {
    let program = home.join("bin/java");
    if !program.is_file() {
        return None;
    }
    let release = fs::read_to_string(home.join("release")).unwrap_or_default();
    let (version, build) = match value(&release, "JAVA_VERSION") {
        Some(version) => {
            let build = value(&release, "JAVA_RUNTIME_VERSION").unwrap_or(version);
            (version.to_owned(), build.to_owned())
        }
        None => ask(&program)?,
    };
    let feature = feature(&version)?;
    Some(Found {
        home: home.to_owned(),
        version,
        feature,
        build,
        by: by.to_owned(),
    })
}

fn value<'a>(release: &'a str, key: &str) -> Option<&'a str> {
    release.lines().find_map(|line| {
        Some(
            line.strip_prefix(key)?
                .strip_prefix('=')?
                .trim()
                .trim_matches('"'),
        )
    })
}

/// `17.0.15` -> 17, `1.8.0_402` -> 8, `25` -> 25.
fn feature(version: &str) -> Option<u32> {
    let mut parts = version.split(['.', '_', '-', '+']).map(str::parse);
    match parts.next()?.ok()? {
        1 => parts.next()?.ok(),
        feature => Some(feature),
    }
}

/// Version and build as the program says them, for installations without a `release` file.
fn ask(program: &Path) -> Option<(String, String)> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let mut child = Command::new(program)
        .arg("-version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let start = Instant::now();
    while child.try_wait().ok()?.is_none() {
        if start.elapsed() > PATIENCE {
            drop(child.kill());
            drop(child.wait());
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut text = String::new();
    child
        .stderr
        .take()?
        .take(64 * 1024)
        .read_to_string(&mut text)
        .ok()?;
    let version = text.split('"').nth(1)?.to_owned();
    let build = text
        .split("(build ")
        .nth(1)
        .and_then(|rest| rest.split([')', ',']).next())
        .unwrap_or(&version);
    Some((version.clone(), build.to_owned()))
}

#[cfg(test)]
mod tests;
