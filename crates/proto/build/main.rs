//! Compiles proto/ without protoc and generates the messages, the RPC table and the validation.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;

mod docs;
mod files;
mod names;
mod narrow;
mod rpcs;
mod rules;
mod schema;
mod validation;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.display());
    println!("cargo:rerun-if-changed=build");

    let files = files::find(&root)?;
    let described = compile(&root, &files, true)?;
    std::fs::write(out.join("described.bin"), &described)?;
    // The generator has cargo watch this file: were it newer than this run, every build would be followed by another.
    let watched = std::fs::File::options().write(true).open(out.join("described.bin"))?;
    watched.set_modified(std::time::UNIX_EPOCH)?;
    std::fs::write(out.join("descriptors.bin"), compile(&root, &files, false)?)?;
    let pool = DescriptorPool::decode(described.as_slice())?;
    messages(&out, &files, &pool)?;
    std::fs::write(out.join("rpcs.rs"), rpcs::generate(&pool)?)?;
    std::fs::write(out.join("validation.rs"), validation::generate(&pool)?)?;
    std::fs::write(out.join("narrow.rs"), narrow::generate(&pool))?;
    std::fs::write(out.join("docs.rs"), docs::generate(&pool))?;
    Ok(())
}

/// Encodes the files with all their imports.
fn compile(root: &Path, files: &[String], comments: bool) -> Outcome<Vec<u8>> {
    let mut compiler = protox::Compiler::new([root.to_path_buf(), root.join("third_party")])?;
    compiler.include_imports(true).include_source_info(comments).open_files(files)?;
    Ok(compiler.encode_file_descriptor_set())
}

/// Writes the Rust types of every package but v2beta, whose messages are read with those of v2.
fn messages(out: &Path, files: &[String], pool: &DescriptorPool) -> Outcome<()> {
    let wanted: Vec<&String> = files.iter().filter(|file| files::has_rust_types(file)).collect();
    let config = schema::times(pool).into_iter().fold(buffa_build::Config::new(), |config, field| {
        config.field_attribute(field, r#"#[serde(serialize_with = "crate::time::serialize")]"#)
    });
    config
        .descriptor_set(out.join("described.bin"))
        .files(&wanted)
        .out_dir(out)
        .generate_views(false)
        .generate_json(true)
        .generate_with_setters(false)
        .preserve_unknown_fields(false)
        .file_per_package(true)
        .include_file("messages.rs")
        .compile()
}
