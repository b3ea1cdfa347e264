//! Whose phone it is: options, variables and the configuration file.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::house::{House, start};

/// A folder with a configuration file, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn with(name: &str, text: &str) -> Folder {
        let folder = env::temp_dir().join(format!("offhook-settings-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("offhook")).unwrap();
        fs::write(folder.join("offhook/config.toml"), text).unwrap();
        Folder(folder)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A file that stays does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_profile_is_taken_by_name_or_by_default_and_less_than_what_is_said() {
    let house = House::new();
    let server = house.udp();
    let secret = Folder::with("secret", "");
    let file = secret.0.join("password");
    fs::write(&file, "alice-secret\nnot this line\n").unwrap();
    let folder = Folder::with(
        "profiles",
        &format!(
            "default = \"home\"\n\n[profile.home]\naor = \"sip:alice@sip.test\"\nserver = \"{server}\"\n\
             password-file = {file:?}\n\n[profile.bob]\naor = \"sip:bob@sip.test\"\nserver = \"{server}\"\n"
        ),
    );
    let config = ("XDG_CONFIG_HOME", folder.path());
    let ran = start(&["register"], &[config]).ends().with_code(0);
    assert!(ran.out.starts_with("registered sip:alice@sip.test"), "{ran:?}");
    let bob = [config, ("OFFHOOK_PROFILE", "bob"), ("OFFHOOK_PASSWORD", "bob-secret")];
    let ran = start(&["register"], &bob).ends().with_code(0);
    assert!(ran.out.starts_with("registered sip:bob@sip.test"), "{ran:?}");
    // What the command line says goes before the profile.
    let args = ["register", "--profile", "bob", "--aor", "sip:carol@sip.test"];
    let ran = start(&args, &[config, ("OFFHOOK_PASSWORD", "carol-secret")]).ends().with_code(0);
    assert!(ran.out.starts_with("registered sip:carol@sip.test"), "{ran:?}");
}

#[test]
fn what_is_wrong_with_a_configuration_is_named() {
    let code = |name: &str, text: &str, args: &[&str]| {
        let folder = Folder::with(name, text);
        start(&[&["register"], args].concat(), &[("XDG_CONFIG_HOME", folder.path())]).ends().with_code(2).err
    };
    let said = code("syntax", "default = \"a\"\n[profile.a\n", &[]);
    assert!(said.contains("config.toml, line 2"), "{said}");
    let said = code("unknown", "default = \"a\"\n[profile.a]\nserverr = \"x\"\n", &[]);
    assert!(said.contains("line 3") && said.contains("serverr"), "{said}");
    let said = code("missing", "[profile.a]\n[profile.b]\n", &["--profile", "c"]);
    assert!(said.contains("no profile \"c\"") && said.contains("there are: a, b"), "{said}");
    let said = code("open", "default = \"a\"\n[profile.a]\npassword = \"x\"\n", &[]);
    assert!(said.contains("others can read it") && said.contains("chmod 600"), "{said}");
    let said = code("bind", "default = \"a\"\n[profile.a]\naor = \"sip:a@b\"\nbind = [\"nowhere\"]\n", &[]);
    assert!(said.contains("bind \"nowhere\""), "{said}");
}

#[test]
fn a_password_on_the_command_line_is_not_known() {
    let ran = start(&["register", "--password", "secret"], &[]).ends().with_code(2);
    assert!(ran.err.contains("unexpected argument '--password'"), "{ran:?}");
}
