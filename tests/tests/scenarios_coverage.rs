//! The table of coverage in README.md is what the scenarios say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use offhook_tests::scenario::{Runtime, Scenario};

const BEGIN: &str = "<!-- coverage -->\n";
const END: &str = "<!-- /coverage -->";

#[test]
fn the_table_in_the_readme_is_what_the_scenarios_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (before, rest) = readme.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tables(&Scenario::all()));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, wanted).expect("the README can be written");
    } else {
        assert!(wanted == readme, "UPDATE=1 cargo test -p offhook-tests --test scenarios_coverage");
    }
}

fn tables(scenarios: &[Scenario]) -> String {
    let mut text =
        String::from("\n| section | | scenarios | simulated | native | browser |\n|---|---|---|---|---|---|\n");
    let mut sections: BTreeMap<Section, (String, Vec<&Scenario>)> = BTreeMap::new();
    for scenario in scenarios {
        for (section, words) in &scenario.sections {
            let (known, list) = sections.entry(Section::new(section)).or_default();
            if known.is_empty() {
                known.clone_from(words);
            }
            list.push(scenario);
        }
    }
    for (section, (words, list)) in &sections {
        let names: Vec<String> = list.iter().map(|scenario| link(scenario)).collect();
        let _ = writeln!(text, "| {} | {words} | {} |{}", section.text, names.join(", "), marks(list));
    }
    text.push_str(
        "\n| what other stacks get wrong | held by | simulated | native | browser |\n|---|---|---|---|---|\n",
    );
    for (what, holder) in peers() {
        let _ = match holder {
            Some(holder) => writeln!(text, "| {what} | {} | | | |", held(&holder)),
            None => {
                let guards = |scenario: &&Scenario| scenario.guards.contains(&what);
                let scenario =
                    scenarios.iter().find(guards).unwrap_or_else(|| panic!("nothing guards against: {what}"));
                writeln!(text, "| {what} | {} |{}", link(scenario), marks(&[scenario]))
            }
        };
    }
    let skips: Vec<(&Scenario, Runtime, String)> = scenarios
        .iter()
        .flat_map(|scenario| Runtime::ALL.map(|runtime| (scenario, runtime, scenario.skipped(runtime))))
        .filter_map(|(scenario, runtime, why)| Some((scenario, runtime, why?)))
        .collect();
    if !skips.is_empty() {
        text.push_str("\n| not played | where | because |\n|---|---|---|\n");
        let mut skips = skips.iter().peekable();
        while let Some((scenario, runtime, why)) = skips.next() {
            let mut places = vec![runtime.name()];
            while let Some((_, runtime, _)) = skips.next_if(|(next, _, same)| next.name == scenario.name && same == why)
            {
                places.push(runtime.name());
            }
            let _ = writeln!(text, "| {} | {} | {why} |", link(scenario), places.join(", "));
        }
    }
    text.push('\n');
    text
}

/// What other stacks get wrong, and what holds it where no scenario does.
fn peers() -> Vec<(String, Option<String>)> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers.txt")).expect("peers.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let read = |line: &str| match line.split_once(" -> ") {
        Some((what, holder)) => (what.to_owned(), Some(holder.to_owned())),
        None => (line.to_owned(), None),
    };
    lines.map(read).collect()
}

/// A test, which must be there, or the work that is left.
fn held(holder: &str) -> String {
    let (file, name) = holder.split_once(": ").unwrap_or_else(|| panic!("`FILE: TEST` or `later: WORK`, not {holder}"));
    if file == "later" {
        return format!("later: {name}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let declared = [format!("fn {name}("), format!("it(\"{name}\""), format!("test(\"{name}\"")];
    assert!(declared.iter().any(|text| source.contains(text)), "there is no {name} in {file}");
    match file.strip_prefix("tests/") {
        Some(here) => format!("[{name}]({here})"),
        None => format!("[{name}](../{file})"),
    }
}

#[test]
fn every_guard_of_a_scenario_is_in_the_list() {
    let peers = peers();
    for scenario in Scenario::all() {
        for guard in &scenario.guards {
            let known = peers.iter().any(|(what, holder)| what == guard && holder.is_none());
            assert!(known, "{}: peers.txt does not have: {guard}", scenario.name);
        }
    }
}

fn link(scenario: &Scenario) -> String {
    format!("[{0}](scenarios/{0}.scenario)", scenario.name)
}

/// For each runtime whether all of the scenarios are played there, or how many.
fn marks(scenarios: &[&Scenario]) -> String {
    let mark = |runtime: Runtime| {
        let played = scenarios.iter().filter(|scenario| scenario.skipped(runtime).is_none()).count();
        match played {
            0 => " |".to_owned(),
            all if all == scenarios.len() => " ✓ |".to_owned(),
            some => format!(" {some} of {} |", scenarios.len()),
        }
    };
    Runtime::ALL.map(mark).concat()
}

/// A section that sorts by its numbers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Section {
    numbers: Vec<u32>,
    text: String,
}

impl Section {
    fn new(text: &str) -> Section {
        let numbers = text.split(|character: char| !character.is_ascii_digit());
        Section { numbers: numbers.filter_map(|number| number.parse().ok()).collect(), text: text.into() }
    }
}
