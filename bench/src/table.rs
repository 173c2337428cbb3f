//! Figures and goals as tables in Markdown.

use crate::engine::Store;
use crate::figures::{Figures, Goal, median};
use crate::text::say;

const HEAD: &str = "| row | clients | per s | CPU us | PostgreSQL us | p50 ms | p95 ms | p99 ms | max ms | errors | \
                    shed | RSS, peak MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";

/// A table for each section and engine, in the order in which they were measured.
pub fn figures(all: &[&Figures]) -> String {
    let mut groups: Vec<(&str, Store)> = Vec::new();
    for figures in all {
        let group = (figures.section.as_str(), figures.store);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let mut text = String::new();
    for (section, store) in groups {
        let of: Vec<&Figures> =
            all.iter().copied().filter(|one| one.section == section && one.store == store).collect();
        say(&mut text, format_args!("**{}, {}**\n\n{}\n", title(section), store.name(), rows(&of)));
    }
    text
}

/// What a section is about.
pub fn title(section: &str) -> &str {
    match section {
        "start" => "Start, empty store",
        "get" => "Reading sessions",
        "caller" => "Letting callers in",
        "create" => "Creating sessions",
        "password" => "Logins with a password",
        "otp" => "Logins with a code by mail",
        "webauthn" => "Logins with a passkey",
        "storm" => "Reads during a storm of logins",
        "nodes" => "One and two nodes",
        "peers" => "Other session servers",
        "search" => "Lists of the sessions of a user",
        "growth" => "Few and many stored sessions",
        other => other,
    }
}

/// The rows of one section and engine.
pub fn rows(all: &[&Figures]) -> String {
    let mut names: Vec<(&str, usize)> = Vec::new();
    for figures in all {
        if !names.contains(&(&figures.row, figures.clients)) {
            names.push((&figures.row, figures.clients));
        }
    }
    let mut text = HEAD.to_owned();
    for (row, clients) in names {
        let of: Vec<&Figures> =
            all.iter().copied().filter(|one| one.row == row && one.clients == clients).collect();
        text.push_str(&line(row, clients, &of));
    }
    text
}

/// Medians of the rounds; errors, the longest and the peak are the worst of all rounds.
fn line(row: &str, clients: usize, rounds: &[&Figures]) -> String {
    let middle = |figure: fn(&Figures) -> f64| median(rounds.iter().map(|one| figure(one)));
    let worst = |figure: fn(&Figures) -> f64| rounds.iter().map(|one| figure(one)).fold(0.0, f64::max);
    let cpu = |figure: fn(&Figures) -> Option<f64>| {
        let known = rounds.iter().filter_map(|one| figure(one));
        if known.clone().next().is_some() { format!("{:.0}", median(known)) } else { "-".to_owned() }
    };
    let (now, peak) = (middle(|one| one.rss_kib as f64), worst(|one| one.peak_kib as f64));
    let memory =
        if peak > 0.0 { format!("{:.1}, {:.1}", now / 1024.0, peak / 1024.0) } else { "-".to_owned() };
    format!(
        "| {row} | {clients} | {:.0} | {} | {} | {:.2} | {:.2} | {:.2} | {:.1} | {:.0} | {:.0} | {memory} |\n",
        middle(|one| one.per_second),
        cpu(|one| one.cpu),
        cpu(|one| one.cpu_database),
        middle(|one| one.p50 as f64 / 1000.0),
        middle(|one| one.p95 as f64 / 1000.0),
        middle(|one| one.p99 as f64 / 1000.0),
        worst(|one| one.max as f64 / 1000.0),
        worst(|one| one.errors as f64),
        middle(|one| one.shed as f64),
    )
}

/// Every goal and whether it is met.
pub fn goals(all: &[&Goal]) -> String {
    let mut text = "| work | engine | goal | figure | |\n|---|---|---|---|---|\n".to_owned();
    for Goal { store, work, goal, figure, met, .. } in all {
        let met = if *met { "met" } else { "**short**" };
        say(&mut text, format_args!("| {work} | {} | {goal} | {figure} | {met} |\n", store.name()));
    }
    text
}
