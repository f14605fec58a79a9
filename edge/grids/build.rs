//! Builds the shim as a binary of its own, so that a task's parent costs a few pages and never depends on the server.
//! Where the C library cannot be linked statically, it is linked as usual.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn main() -> Result<(), String> {
    println!("cargo:rerun-if-changed=shim");
    println!("cargo:rerun-if-changed=build.rs");
    let output = PathBuf::from(variable("OUT_DIR")?).join("shim");
    let first = compile(&output, true)?;
    if first.status.success() {
        return name(&output);
    }
    let second = compile(&output, false)?;
    if second.status.success() {
        println!("cargo:warning=the shim is linked dynamically: no static C library was found");
        return name(&output);
    }
    let reason = String::from_utf8_lossy(&second.stderr).into_owned();
    Err(format!("the shim does not compile:\n{reason}"))
}

/// Shims of different builds have different names: 64 bits of FNV-1a over the binary.
fn name(shim: &Path) -> Result<(), String> {
    let bytes = std::fs::read(shim).map_err(|error| format!("{}: {error}", shim.display()))?;
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    println!("cargo:rustc-env=SMACK_SHIM=shim-{hash:016x}");
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

/// Small and without relocation: pages that are never written are shared by all shims.
fn compile(output: &Path, is_static: bool) -> Result<Output, String> {
    let mut compiler = Command::new(variable("RUSTC")?);
    compiler
        .args(["--crate-name", "smack_shim", "--crate-type", "bin"])
        .args(["--edition", "2024", "--target", &variable("TARGET")?])
        .args([
            "-C",
            "opt-level=s",
            "-C",
            "panic=abort",
            "-C",
            "strip=symbols",
        ])
        .args(["-C", "codegen-units=1", "-C", "lto=fat"])
        .args(["-D", "unsafe_code", "-o"])
        .arg(output)
        .arg("shim/main.rs");
    if is_static {
        compiler.args([
            "-C",
            "target-feature=+crt-static",
            "-C",
            "relocation-model=static",
        ]);
    }
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        compiler.arg("-C").arg(format!("linker={linker}"));
    }
    compiler.output().map_err(|error| format!("rustc: {error}"))
}
