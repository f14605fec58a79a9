//! Prints how long a stack of 10,000 lines takes to resolve: the median of 21 rounds, in milliseconds.
//! The clock is allowed here: this is no part of core.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use smack_stack::{Request, Source, resolve};

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement reads the clock and prints"
)]
fn main() {
    let stack = Source::new("big.yaml", ten_thousand_lines());
    let (parents, layers, predefined) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let request = Request {
        stack: &stack,
        parents: &parents,
        layers: &layers,
        zone: "default",
        run: None,
        vars: &[],
        predefined: &predefined,
    };
    let mut rounds: Vec<f64> = (0..21)
        .map(|_| {
            let start = std::time::Instant::now();
            let applications = resolve(&request).map_or(0, |resolved| resolved.applications.len());
            assert_eq!(applications, 1_000, "the generated stack is valid");
            start.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!(
        "10,000 lines: median {:.1} ms, slowest {:.1} ms",
        rounds[10], rounds[20]
    );
}

/// 1,000 applications of ten lines, each with a dependency, an export reference and parameters.
fn ten_thousand_lines() -> String {
    let mut text = "name: big\nparameters: {n: 3}\napplications:\n".to_owned();
    for number in 0..1_000_usize {
        let before = number.saturating_sub(1);
        let (dependency, export) = match number {
            0 => (String::new(), String::new()),
            _ => (
                format!("app-{before}"),
                format!("${{app-{before}.address}}"),
            ),
        };
        let _ = write!(
            text,
            "  app-{number}:\n    type: command\n    dependencies: [{dependency}]\n    instances: ${{n}}\n    cpu: 0.5\n    \
             mem: 64\n    env:\n      BEFORE: \"{export}\"\n      ZONE: ${{zone}}\n    launch_command: run ${{vdc}} $HOST\n"
        );
    }
    text
}
