//! The catalog: what real software is, one text file per product version (`catalog/*.toml`), embedded in the program.
//! Pure data: which jars with which hashes, on which Java, with which main class, flags, configuration keys and small
//! files. Getting the jars and finding the Java is left to the supply.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

/// The embedded texts, by file name.
const TEXTS: &[(&str, &str)] = &[
    (
        "cassandra-5.0.9.toml",
        include_str!("../../../catalog/cassandra-5.0.9.toml"),
    ),
    (
        "kafka-3.9.2.toml",
        include_str!("../../../catalog/kafka-3.9.2.toml"),
    ),
    (
        "kafka-4.3.1.toml",
        include_str!("../../../catalog/kafka-4.3.1.toml"),
    ),
    (
        "zipkin-3.6.1.toml",
        include_str!("../../../catalog/zipkin-3.6.1.toml"),
    ),
    (
        "zookeeper-3.9.5.toml",
        include_str!("../../../catalog/zookeeper-3.9.5.toml"),
    ),
];

/// The embedded small files, by the name that `[assets]` gives.
const ASSETS: &[(&str, &[u8])] = &[(
    "kafka-4.3.1-bootstrap.checkpoint",
    include_bytes!("../../../catalog/assets/kafka-4.3.1-bootstrap.checkpoint"),
)];

static EMBEDDED: LazyLock<Catalog> = LazyLock::new(|| {
    Catalog::parse(TEXTS).expect("the embedded entries are parsed by a test of this module")
});

/// All known product versions, ordered by product and then oldest version first.
#[derive(Debug)]
pub struct Catalog {
    entries: Vec<Entry>,
}

/// One version of one product.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// `kafka`, `zookeeper`
    pub product: String,
    /// exact: `3.9.2`
    pub version: String,
    /// what else a stack may say for it: `3.9`, `latest`
    #[serde(default)]
    pub aliases: Vec<String>,
    /// version prefixes from which the data may be taken over in place
    #[serde(default)]
    pub upgrades_from: Vec<String>,
    /// how Kafka coordinates itself; absent for other products
    pub mode: Option<Mode>,
    /// for the lock script: what is resolved
    pub coordinates: Vec<String>,
    /// for the lock script: the artifacts of the closure that stay; absent means all
    pub keep: Option<Vec<String>>,
    /// for the lock script: classifiers, by their start, whose artifacts go
    #[serde(default)]
    pub drop: Vec<String>,
    /// how its one jar becomes a class path; absent: the jars are the class path
    pub unpack: Option<Unpack>,
    /// for the lock script: what the command line tools need on top
    #[serde(default)]
    pub tools: Vec<String>,
    /// for the lock script: the program that prints the configuration keys
    pub keys_program: String,
    /// the class that is the server
    pub main_class: String,
    /// JVM flags, without heap and class path
    pub jvm_flags: Vec<String>,
    /// default heap (`-Xmx`)
    pub heap_mib: u32,
    /// memory of the whole process with that heap
    pub memory_mib: u32,
    /// configuration beneath everything a stack says; addresses and members are left to the service
    #[serde(default)]
    pub minimal: BTreeMap<String, String>,
    /// key prefixes with a free rest, beside `locked.config_prefixes`
    #[serde(default)]
    pub config_prefixes: Vec<String>,
    /// which Java it runs on
    pub java: Java,
    /// main classes of the product's own tools, by what they do (`topics`, `verifiable-producer`)
    #[serde(default)]
    pub tool_classes: BTreeMap<String, String>,
    /// small files the product needs before its first start: name there -> name under `catalog/assets`
    #[serde(default)]
    pub assets: BTreeMap<String, String>,
    /// facts for people: `ready`, `stop`, …
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
    /// the part that the lock script writes
    pub locked: Locked,
}

/// What holds a class path inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unpack {
    /// an executable jar of Spring Boot: `BOOT-INF/classes` and then the jars of `BOOT-INF/lib`
    SpringBoot,
}

/// How a Kafka cluster keeps its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// in a ZooKeeper ensemble (up to 3.9)
    Zookeeper,
    /// in a quorum of its own controllers
    Kraft,
}

/// What resolving the coordinates once has found; the same for every user.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// SHA-256 over `<sha256>  <file>` lines of `jars`
    pub jars_digest: String,
    /// the class path, in order
    pub jars: Vec<Artifact>,
    /// the digest of `tool_jars`
    pub tool_jars_digest: Option<String>,
    /// what the tools need behind `jars`
    #[serde(default)]
    pub tool_jars: Vec<Artifact>,
    /// every key the product's configuration file may hold, sorted
    pub config_keys: Vec<String>,
    /// every key a topic may be configured with, sorted
    #[serde(default)]
    pub topic_config_keys: Vec<String>,
    /// prefixes found in the product
    #[serde(default)]
    pub config_prefixes: Vec<String>,
    /// keys of older versions that have another name now, sorted
    #[serde(default)]
    pub former_config_keys: Vec<Renamed>,
}

/// A configuration key that got another name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renamed {
    pub was: String,
    pub now: String,
}

/// One file in the Maven layout.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// `group:artifact:version[:classifier]`
    pub at: String,
    /// bytes
    pub size: u64,
    /// 64 lower-case hexadecimal digits
    pub sha256: String,
}

/// The Java versions a product runs on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Java {
    /// bounds on the feature version
    pub range: JavaRange,
    /// best first; others in range are taken after these, lowest first
    #[serde(default)]
    pub prefer: Vec<u32>,
}

/// Bounds on a Java feature version, written `>=17 <26`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct JavaRange {
    /// the first that works
    pub from: u32,
    /// the first that does not
    pub below: Option<u32>,
}

/// A product or version that the catalog does not hold; `known` lists what it does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// no entry of that product
    #[error("unknown product `{product}`")]
    Product {
        product: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
    /// the product is known, the version is not
    #[error("unknown version `{version}` of {product}")]
    Version {
        product: String,
        version: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
}

/// Why a catalog text is no entry. Embedded texts are tested, so this concerns those who write entries.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// not TOML of the right shape
    #[error("{file}")]
    Parse {
        file: String,
        source: toml::de::Error,
    },
    /// the file name is not `<product>-<version>.toml`
    #[error("{file} describes {name}")]
    Name { file: String, name: String },
    /// `at` is not `group:artifact:version[:classifier]`
    #[error("{file}: `{at}` is not group:artifact:version[:classifier]")]
    Coordinates { file: String, at: String },
    /// `[assets]` names a file that is not embedded
    #[error("{file}: no asset `{asset}`")]
    Asset { file: String, asset: String },
}

impl Catalog {
    /// The catalog of this program.
    pub fn embedded() -> &'static Catalog {
        &EMBEDDED
    }

    /// Reads entries from (file name, text) pairs.
    pub fn parse(texts: &[(&str, &str)]) -> Result<Catalog, Error> {
        let mut entries = texts
            .iter()
            .map(|(file, text)| Entry::parse(file, text))
            .collect::<Result<Vec<_>, _>>()?;
        entries.sort_by(|a, b| {
            (&a.product, ordering_key(&a.version)).cmp(&(&b.product, ordering_key(&b.version)))
        });
        Ok(Catalog { entries })
    }

    /// All entries, ordered by product and version.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The versions of one product, oldest first.
    pub fn versions(&self, product: &str) -> std::slice::Iter<'_, Entry> {
        let start = self
            .entries
            .partition_point(|entry| entry.product.as_str() < product);
        let end = self
            .entries
            .partition_point(|entry| entry.product.as_str() <= product);
        self.entries[start..end].iter()
    }

    /// The entry of an exact version or an alias; `3.9.x` is understood as `3.9`.
    pub fn find(&self, product: &str, version: &str) -> Result<&Entry, Unknown> {
        let wanted = version.trim().trim_end_matches(".x");
        let exact = self.versions(product).find(|entry| entry.version == wanted);
        let alias = || {
            self.versions(product)
                .rev()
                .find(|entry| entry.aliases.iter().any(|alias| alias == wanted))
        };
        exact
            .or_else(alias)
            .ok_or_else(|| self.unknown(product, version))
    }

    /// The entry of this name (`kafka-3.9.2`), as launches carry it.
    pub fn by_name(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    fn unknown(&self, product: &str, version: &str) -> Unknown {
        let known: Vec<String> = self
            .versions(product)
            .map(|entry| entry.version.clone())
            .collect();
        if known.is_empty() {
            let mut known: Vec<String> = self
                .entries
                .iter()
                .map(|entry| entry.product.clone())
                .collect();
            known.dedup();
            let nearest = nearest(product, known.iter().map(String::as_str)).map(str::to_owned);
            return Unknown::Product {
                product: product.to_owned(),
                nearest,
                known,
            };
        }
        let wanted = ordering_key(version);
        let nearest = known
            .iter()
            .min_by_key(|candidate| distance(&wanted, &ordering_key(candidate)))
            .cloned();
        Unknown::Version {
            product: product.to_owned(),
            version: version.to_owned(),
            nearest,
            known,
        }
    }
}

impl Entry {
    fn parse(file: &str, text: &str) -> Result<Entry, Error> {
        let entry: Entry = toml::from_str(text).map_err(|source| Error::Parse {
            file: file.to_owned(),
            source,
        })?;
        if file != format!("{}.toml", entry.name()) {
            return Err(Error::Name {
                file: file.to_owned(),
                name: entry.name(),
            });
        }
        let bad = entry
            .jars_with_tools()
            .find(|jar| !(3..=4).contains(&jar.at.split(':').count()));
        if let Some(jar) = bad {
            return Err(Error::Coordinates {
                file: file.to_owned(),
                at: jar.at.clone(),
            });
        }
        if let Some(asset) = entry
            .assets
            .values()
            .find(|name| embedded_asset(name).is_none())
        {
            return Err(Error::Asset {
                file: file.to_owned(),
                asset: asset.clone(),
            });
        }
        Ok(entry)
    }

    /// `kafka-3.9.2`
    pub fn name(&self) -> String {
        format!("{}-{}", self.product, self.version)
    }

    /// The directory name of its jars in the store: `kafka-3.9.2-1a2b3c4d`. It changes whenever a jar does.
    pub fn set_name(&self) -> String {
        format!("{}-{}", self.name(), short(&self.locked.jars_digest))
    }

    /// The directory name of its jars together with those of its tools; `None` if it has no tools.
    pub fn tools_set_name(&self) -> Option<String> {
        let digest = self.locked.tool_jars_digest.as_ref()?;
        Some(format!(
            "{}-tools-{}{}",
            self.name(),
            short(&self.locked.jars_digest),
            short(digest)
        ))
    }

    /// The jars of the server and then those of its tools.
    pub fn jars_with_tools(&self) -> impl Iterator<Item = &Artifact> {
        self.locked.jars.iter().chain(&self.locked.tool_jars)
    }

    /// The files that must exist before the first start: (name in the product, bytes).
    pub fn assets(&self) -> impl Iterator<Item = (&str, &'static [u8])> {
        self.assets
            .iter()
            .filter_map(|(name, asset)| Some((name.as_str(), embedded_asset(asset)?)))
    }

    /// Whether the product's configuration file may hold this key.
    pub fn knows_key(&self, key: &str) -> bool {
        let prefixes = self
            .config_prefixes
            .iter()
            .chain(&self.locked.config_prefixes);
        contains(&self.locked.config_keys, key)
            || prefixes
                .into_iter()
                .any(|prefix| key.len() > prefix.len() && key.starts_with(prefix.as_str()))
    }

    /// What a key of an older version is called now.
    pub fn renamed_key(&self, key: &str) -> Option<&str> {
        let mut renamed = self.locked.former_config_keys.iter();
        renamed
            .find(|renamed| renamed.was == key)
            .map(|renamed| renamed.now.as_str())
    }

    /// Whether a topic may be configured with this key.
    pub fn knows_topic_key(&self, key: &str) -> bool {
        contains(&self.locked.topic_config_keys, key)
    }

    /// The known key most like this one: for "did you mean".
    pub fn nearest_key(&self, key: &str) -> Option<&str> {
        nearest(key, self.locked.config_keys.iter().map(String::as_str))
    }

    /// The known topic key most like this one.
    pub fn nearest_topic_key(&self, key: &str) -> Option<&str> {
        nearest(
            key,
            self.locked.topic_config_keys.iter().map(String::as_str),
        )
    }

    /// Whether data of `version` may be taken over in place by this version.
    pub fn upgrades_from(&self, version: &str) -> bool {
        self.upgrades_from.iter().any(|prefix| {
            version
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

impl Artifact {
    /// The file name: `zookeeper-3.9.5.jar`.
    pub fn file(&self) -> String {
        let mut parts = self.at.split(':').skip(1);
        let artifact = parts.next().unwrap_or_default();
        let rest: String = parts.map(|part| format!("-{part}")).collect();
        format!("{artifact}{rest}.jar")
    }

    /// The path in a Maven repository: `org/apache/zookeeper/zookeeper/3.9.5/zookeeper-3.9.5.jar`.
    pub fn path(&self) -> String {
        let mut parts = self.at.split(':');
        let group = parts.next().unwrap_or_default().replace('.', "/");
        let artifact = parts.next().unwrap_or_default();
        let version = parts.next().unwrap_or_default();
        format!("{group}/{artifact}/{version}/{}", self.file())
    }
}

impl JavaRange {
    /// Whether this feature version (`17`) is within the bounds.
    pub fn contains(&self, feature: u32) -> bool {
        feature >= self.from && self.below.is_none_or(|below| feature < below)
    }
}

impl TryFrom<String> for JavaRange {
    type Error = String;

    fn try_from(text: String) -> Result<JavaRange, String> {
        let wrong = || format!("`{text}` is not like `>=17` or `>=17 <26`");
        let mut parts = text.split_whitespace();
        let from = parts
            .next()
            .and_then(|part| part.strip_prefix(">="))
            .ok_or_else(wrong)?;
        let below = parts
            .next()
            .map(|part| part.strip_prefix('<').ok_or_else(wrong))
            .transpose()?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(JavaRange {
            from: number(from)?,
            below: below.map(number).transpose()?,
        })
    }
}

impl fmt::Display for JavaRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, ">={}", self.from)?;
        self.below
            .map_or(Ok(()), |below| write!(formatter, " <{below}"))
    }
}

impl Unknown {
    /// What to write instead.
    pub fn hint(&self) -> String {
        let (Unknown::Product { nearest, known, .. } | Unknown::Version { nearest, known, .. }) =
            self;
        let known = known.join(", ");
        nearest.as_ref().map_or_else(
            || format!("known: {known}"),
            |near| format!("did you mean {near}? known: {known}"),
        )
    }
}

fn embedded_asset(name: &str) -> Option<&'static [u8]> {
    ASSETS
        .iter()
        .find(|(asset, _)| *asset == name)
        .map(|(_, bytes)| *bytes)
}

fn short(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

fn contains(sorted: &[String], key: &str) -> bool {
    sorted
        .binary_search_by(|known| known.as_str().cmp(key))
        .is_ok()
}

/// `3.10.1` -> [3, 10, 1]; what is no number counts as 0.
fn ordering_key(version: &str) -> Vec<u64> {
    version
        .split(['.', '-'])
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

/// How far two versions are apart: the first differing part decides, then by how much; newer before older at a tie.
fn distance(wanted: &[u64], candidate: &[u64]) -> (usize, u64, bool) {
    let same = wanted
        .iter()
        .zip(candidate)
        .take_while(|(a, b)| a == b)
        .count();
    let at = |parts: &[u64]| parts.get(same).copied().unwrap_or(0);
    (
        usize::MAX - same,
        at(wanted).abs_diff(at(candidate)),
        at(candidate) < at(wanted),
    )
}

/// The candidate within a third of the word's length in edits, at least two; the first of equals.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(2);
    let scored = candidates.map(|candidate| (edits(word, candidate), candidate));
    scored
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, letter case ignored.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
