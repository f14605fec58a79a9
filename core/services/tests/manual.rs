//! Every YAML example of the manual is a file that loads: stacks resolve and build, with the layers before them and the
//! options that their first line names (`# smack run … --zone Z --var k=v`). Notices only after `# notices`. A text
//! block that follows a stack is what `smack show --origin` says of it.

use std::collections::BTreeMap;

use smack_services::Catalog;
use smack_stack::{LayerSource, Level, Request, Resolved, Source, heading, render, resolve};

const PAGES: [(&str, &str); 8] = [
    ("language", include_str!("../../../docs/language.md")),
    ("layers", include_str!("../../../docs/layers.md")),
    ("command", include_str!("../../../docs/command.md")),
    ("job", include_str!("../../../docs/job.md")),
    ("zookeeper", include_str!("../../../docs/zookeeper.md")),
    ("kafka", include_str!("../../../docs/kafka.md")),
    ("cassandra", include_str!("../../../docs/cassandra.md")),
    ("zipkin", include_str!("../../../docs/zipkin.md")),
];

/// A fenced block: the word after the fence, the line it begins at, its text.
struct Block {
    word: String,
    line: usize,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => found.push(block),
            (Some(word), None) => {
                open = Some(Block {
                    word: word.to_owned(),
                    line: index + 1,
                    text: String::new(),
                });
            }
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block without an end");
    found
}

/// What is known of a page so far.
#[derive(Default)]
struct Page {
    layers: BTreeMap<String, LayerSource>,
    stacks: BTreeMap<String, Source>,
    last: Option<Resolved>,
}

impl Page {
    fn yaml(&mut self, place: &str, text: &str) -> Result<(), String> {
        let has = |key: &str| text.lines().any(|line| line.starts_with(key));
        let mut text = text.to_owned();
        if has("applications:") && !has("name:") {
            text.insert_str(0, "name: page\n");
        }
        let mut source = Source::new(place, text.as_str());
        let read = heading(&source).map_err(|problems| problems.to_string())?;
        let Some(name) = read.name else {
            return Err("neither a stack nor a layer".to_owned());
        };
        if let Some(level) = read.level {
            source.file = format!("{}.yaml", name.value).into();
            let layer = LayerSource {
                level: level.value,
                parent: None,
                source,
            };
            self.layers.insert(name.value, layer);
            return Ok(());
        }
        source.file = format!("{}.yaml", name.value).into();
        let resolved = self.resolve(&source);
        self.stacks.insert(name.value, source);
        self.last = Some(resolved?);
        Ok(())
    }

    fn resolve(&self, stack: &Source) -> Result<Resolved, String> {
        let mut zone = "default".to_owned();
        let mut vars = Vec::new();
        let first = stack.text.lines().next().unwrap_or_default();
        if first.starts_with("# smack run ") {
            let words: Vec<&str> = first.split_whitespace().collect();
            for pair in words.windows(2) {
                match (pair[0], pair[1].split_once('=')) {
                    ("--zone", _) => pair[1].clone_into(&mut zone),
                    ("--var", Some((name, value))) => {
                        vars.push((name.to_owned(), value.to_owned()));
                    }
                    _ => {}
                }
            }
        }
        let mut layers = self.layers.clone();
        if zone != "default" && !layers.contains_key(&zone) {
            let text = format!("name: {zone}\n");
            let layer = LayerSource {
                level: Level::Zone,
                parent: None,
                source: Source::new("zone", text),
            };
            layers.insert(zone.clone(), layer);
        }
        let resolved = resolve(&Request {
            stack,
            parents: &self.stacks,
            layers: &layers,
            zone: &zone,
            run: None,
            vars: &vars,
            predefined: &BTreeMap::new(),
        })
        .map_err(|problems| problems.to_string())?;
        let platform = smack_services::build(
            &resolved,
            Catalog::embedded(),
            &smack_services::some_nodes(3),
        )
        .map_err(|problems| problems.to_string())?;
        let notices = format!("{}{}", resolved.notices, platform.notices);
        match (first == "# notices", notices.is_empty()) {
            (true, true) => Err("a notice was to come".to_owned()),
            (false, false) => Err(notices),
            _ => Ok(resolved),
        }
    }
}

#[test]
fn every_example_of_the_manual_loads() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, text) in PAGES {
        let mut page = Page::default();
        for block in blocks(text) {
            let place = format!("docs/{name}.md:{}", block.line);
            let result = match block.word.as_str() {
                "yaml" => {
                    count += 1;
                    page.yaml(&place, &block.text)
                }
                "text" => {
                    let shown = page.last.as_ref().map(|resolved| render(resolved, true));
                    match shown {
                        Some(shown) if shown == block.text => Ok(()),
                        Some(shown) => Err(format!("should be\n{shown}")),
                        None => Err("no stack before it".to_owned()),
                    }
                }
                "console" => Ok(()),
                other => Err(format!("a block of {other:?}")),
            };
            if let Err(why) = result {
                wrong.push(format!("{place}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 18, "{count} examples are few");
}

/// What the page says of `final` and `limits`.
#[test]
fn final_and_limits_refuse_what_the_manual_says() {
    let mut page = Page::default();
    let mut last = String::new();
    for block in blocks(PAGES[0].1) {
        if block.word == "yaml" {
            drop(page.yaml("block", &block.text));
            if block.text.contains("name: fleet-1") {
                last = block.text;
            }
        }
    }
    for (option, why) in [
        ("mode=fast", "but it is final: safe"),
        ("size=6", "at most 5 is allowed"),
    ] {
        let text = last.replace("size=4", option);
        let error = page.yaml("block", &text).expect_err("refused");
        assert!(error.contains(why), "{error}");
    }
}
