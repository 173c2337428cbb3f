//! Circles between the files of a crate: told, not wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::sources::Source;

/// From each module to those that it names. The root of a crate is the empty name.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Looks for circles in every crate.
pub fn check(sources: &[Source], findings: &mut Findings) {
    let mut crates: BTreeMap<&str, Vec<(String, &str)>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        if let Some((room, file)) = source.path.split_once("/src/") {
            crates.entry(room).or_default().push((module(file), &source.code));
        }
    }
    for (room, files) in crates {
        for circle in circles(&graph(&files)) {
            let names: Vec<_> =
                circle.iter().map(|name| if name.is_empty() { "lib" } else { name }).collect();
            findings.told.push(format!("{room}: a circle of files: {}", names.join(", ")));
        }
    }
}

/// `api/rest.rs` is `api::rest`, `lib.rs` is the root.
fn module(file: &str) -> String {
    let name = file.strip_suffix(".rs").unwrap_or(file);
    match name {
        "lib" | "main" => String::new(),
        _ => name.strip_suffix("/mod").unwrap_or(name).replace('/', "::"),
    }
}

fn graph(files: &[(String, &str)]) -> Graph {
    let known: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let mut graph = Graph::new();
    for (name, code) in files {
        let parent = name.rsplit_once("::").map_or("", |(parent, _)| parent);
        let targets = named(code, "crate::", "").into_iter().chain(named(code, "super::", parent));
        let targets = targets.filter_map(|path| longest(&known, &path)).filter(|target| target != name);
        graph.insert(name.clone(), targets.collect());
    }
    graph
}

/// The paths that begin with a word, seen from a module; groups in braces are taken apart at their first level.
fn named(code: &str, word: &str, base: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices(word) {
        let before = code.get(..at).unwrap_or_default();
        if before.ends_with(|char: char| char.is_alphanumeric() || char == '_' || char == ':' || char == '$')
        {
            continue;
        }
        let tail = code.get(at + word.len()..).unwrap_or_default();
        let end = tail.find(|char: char| !(char.is_alphanumeric() || char == '_' || char == ':'));
        let (path, rest) = tail.split_at(end.unwrap_or(tail.len()));
        let base = if base.is_empty() { path.to_owned() } else { format!("{base}::{path}") };
        match rest.strip_prefix('{') {
            Some(group) => paths.extend(heads(group).map(|head| format!("{base}{head}"))),
            None => paths.push(base),
        }
    }
    paths
}

/// `a::b, c, d::{e, f}}` gives `a::b`, `c` and `d::`.
fn heads(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let end = group.find(|char| {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => return true,
            '}' => depth -= 1,
            _ => {}
        }
        false
    });
    let inside = group.get(..end.unwrap_or(group.len())).unwrap_or_default();
    inside.split([',', '{', '}']).map(str::trim).filter(|head| !head.is_empty())
}

/// The longest known module that a path leads to.
fn longest(known: &BTreeSet<&str>, path: &str) -> Option<String> {
    let mut path = path.trim_end_matches("::");
    loop {
        if known.contains(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// Sets of modules that all lead to each other.
fn circles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|name| (name, reachable(graph, name))).collect();
    let mut found = BTreeSet::new();
    for (name, reached) in &reach {
        let back = |other: &String| reach.get(other).is_some_and(|more| more.contains(*name));
        let circle: BTreeSet<String> = reached.iter().filter(|other| back(other)).cloned().collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for target in graph.get(&name).into_iter().flatten() {
            if reached.insert(target.clone()) {
                open.push(target.clone());
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source::new(format!("x/src/{path}"), (*text).to_owned());
        let mut findings = Findings::default();
        check(&files.iter().map(source).collect::<Vec<_>>(), &mut findings);
        findings.told
    }

    #[test]
    fn a_circle_of_three_is_found_whole() {
        let files = [
            ("a.rs", "use crate::{b::thing, lone};"),
            ("b.rs", "fn f() { crate::c::d::g() }"),
            ("c/d.rs", "use super::super::x; use crate::a::A;"),
            ("lone.rs", "use crate::lone::x;"),
        ];
        assert_eq!(told(&files), ["x: a circle of files: a, b, c::d"]);
    }

    #[test]
    fn a_chain_is_no_circle() {
        assert!(told(&[("a.rs", "use crate::b;"), ("b.rs", "use crate::c;"), ("c.rs", "")]).is_empty());
    }

    #[test]
    fn a_child_that_needs_its_parent_that_needs_it_is_a_circle() {
        let files = [("a.rs", "use crate::a::b::B;"), ("a/b.rs", "use super::A;")];
        assert_eq!(told(&files), ["x: a circle of files: a, a::b"]);
    }
}
