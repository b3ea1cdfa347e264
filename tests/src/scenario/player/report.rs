//! What is said of a scenario that failed.

use std::fmt::Write as _;

use super::super::script::Step;
use super::super::stage::Stage;
use super::{Actor, Player};

impl<S: Stage> Player<'_, S> {
    pub(super) fn report(&self, line: Option<&Step>, reason: &str) -> String {
        let mut text = String::new();
        match line {
            Some(step) => {
                let _ = writeln!(text, "{}.scenario:{}: {}", self.scenario.name, step.line, step.text);
            }
            None => {
                let _ = writeln!(text, "{}.scenario, before or after its lines:", self.scenario.name);
            }
        }
        let _ = writeln!(text, "  {reason}");
        for (who, actor) in self.actors.iter().enumerate() {
            if let Actor::Agent(agent) = actor {
                let _ = writeln!(text, "\n{}:", self.name(who));
                for line in &agent.history {
                    let _ = writeln!(text, "  {line}");
                }
            }
        }
        let _ = write!(text, "\n{}", self.stage.ladder());
        text
    }
}
