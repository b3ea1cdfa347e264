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
        "\n| what other stacks get wrong | scenario | simulated | native | browser |\n|---|---|---|---|---|\n",
    );
    let mut guards: Vec<(&String, &Scenario)> =
        scenarios.iter().flat_map(|scenario| scenario.guards.iter().map(move |guard| (guard, scenario))).collect();
    guards.sort_by_key(|(guard, _)| guard.to_lowercase());
    for (guard, scenario) in guards {
        let _ = writeln!(text, "| {guard} | {} |{}", link(scenario), marks(&[scenario]));
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
