//! The HTML report in a real browser: it shows what there is, obeys its reader and nobody else,
//! and asks nobody for anything.

mod browser;
mod support;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use browser::{Browser, CONTROL, ENTER, ESCAPE, RIGHT};
use serde_json::{Value, json};
use support::Project;

const SCRIPT: &str = r##"{
  "images": ["img:1", "good:1"],
  "runs": [
    {"when": "works", "stdout": "hello 1.17\n"},
    {"when": "differs", "stdout": "one\nzwei\nthree\n"},
    {"when": "breaks", "exit": 1, "stderr": "broken\n"},
    {"when": "engine", "error": "no <b>space</b> left"},
    {"when": "wobbles", "exit": 1, "times": 1},
    {"when": "wobbles"},
    {"when": "evil", "exit": 1, "stdout": "</pre></details><script>window.evil=1</script><img src=x onerror=window.evil=2>\n\"onmouseover=window.evil=3 '--> ]]> {{ 7*7 }} {% raw %}\n\u001b[2J\u001b[31mred\u001b[0m \u202egnp.exe\u0000 \u2028\n<a href=\"javascript:window.evil=4\">x</a><style>*{display:none}</style><meta http-equiv=refresh content=\"0;url=http://127.0.0.1:9/\"><base href=http://127.0.0.1:9/>\n"},
    {"when": "floods", "stdout": "0123456789abcde\n", "repeat": 131072},
    {"when": "wide", "exit": 1, "stdout": "WIDE"}
  ]
}"##;

const SPEC: &str = r#"
image: img:1
checks:
  - {name: works, run: works, tags: [fast]}
  - {name: differs, run: differs, stdout: "one\ntwo\nthree"}
  - {name: breaks, run: breaks}
  - {name: can not be told, run: engine}
  - {name: has no time, run: works, skip: "no time, <i>really</i>"}
  - {name: is known to break, run: breaks, xfail: a bug}
  - {name: wobbles, run: wobbles, retries: 2}
  - {name: floods, run: floods, stdout: {lines: 3}}
  - {name: is hostile, run: evil, stdout: "</td></table><script>window.evil=6</script>"}
  - {name: '<script>window.evil=7</script> "onmouseover="window.evil=8" ]]> javascript:x', run: "breaks '</script><script>window.evil=9</script>'"}
  - {name: wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww, run: wide}
"#;

const GOOD: &str = "image: good:1\nchecks:\n  - {name: works too, run: works}\n";

/// The checks by their verdict: passed, failed, errors, skipped.
const COUNTS: [usize; 4] = [3, 6, 1, 2];

struct Page {
    browser: Browser,
    path: PathBuf,
    project: Project,
}

impl Page {
    /// The report of the run that has one of everything.
    fn new() -> Self {
        let wide = "W".repeat(4_000);
        let script = SCRIPT.replace("WIDE", &wide);
        let files = [
            ("script.json", script.as_str()),
            ("test-specs/a.yaml", SPEC),
            ("test-specs/b.yaml", GOOD),
        ];
        Self::of(Project::new(&files))
    }

    fn of(project: Project) -> Self {
        project
            .fake(&["--html", "report.html", "--test-threads", "4"])
            .expect(1);
        let page = Self {
            browser: Browser::start(),
            path: project.path("report.html"),
            project,
        };
        page.open("");
        page
    }

    fn open(&self, hash: &str) {
        self.browser.open(&self.path, hash);
    }

    /// The names of the checks that can be seen.
    fn shown(&self) -> Vec<String> {
        let names = self.browser.script(
            "return [...document.querySelectorAll('.check')]
                 .filter((it) => it.querySelector('summary').checkVisibility())
                 .map((it) => it.querySelector('summary .name').textContent)",
        );
        serde_json::from_value(names).unwrap()
    }

    fn hash(&self) -> Value {
        self.browser.script("return location.hash")
    }

    fn focused(&self) -> Value {
        self.browser.script(
            "const it = document.activeElement.closest('.check');
             return it && it.querySelector('summary .name').textContent",
        )
    }
}

#[test]
fn nothing_in_it_acts_and_nothing_is_asked_for() {
    let page = Page::new();
    let browser = &page.browser;
    // Everything is opened, pointed at and searched for.
    browser.script("for (const it of document.querySelectorAll('details')) it.open = true");
    browser.script(
        "for (const it of document.querySelectorAll('*'))
             for (const kind of ['mouseover', 'pointerover', 'focus', 'click'])
                 if (!it.closest('button, a')) it.dispatchEvent(new MouseEvent(kind, {bubbles: true}))",
    );
    browser.click("#search");
    browser.press("<script>");
    browser.holds("document.getElementById('found').textContent.startsWith('1 of')");
    browser.press(ESCAPE);
    browser.holds("typeof window.evil === 'undefined'");
    let forbidden = "img, iframe, object, embed, link, base, form, a:not([href^='#']), \
                     meta[http-equiv=refresh], [style]";
    let found = browser.script(&format!(
        "return [...document.querySelectorAll(\"{forbidden}\")].map((it) => it.outerHTML)"
    ));
    assert_eq!(found, json!([]));
    let attributes = browser.script(
        "return [...document.querySelectorAll('*')].flatMap((it) => [...it.attributes])
             .map((it) => it.name).filter((name) => name.startsWith('on'))",
    );
    assert_eq!(attributes, json!([]));
    let own = browser
        .script("return [document.scripts.length, document.querySelectorAll('style').length]");
    assert_eq!(own, json!([1, 1]));
    let text = browser.script("return document.querySelector('main').textContent");
    let text = text.as_str().unwrap();
    for shown in [
        "<script>window.evil=1</script>",
        "{{ 7*7 }} {% raw %}",
        r"\u{202e}gnp.exe␀ \u{2028}",
        "<i>really</i>",
        "no <b>space</b> left",
    ] {
        assert!(text.contains(shown), "no {shown} in {text}");
    }
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\0']));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let requests = browser.requests();
    let own = format!("file://{}", page.path.display());
    assert!(
        !requests.is_empty() && requests.iter().all(|url| *url == own),
        "{requests:?}"
    );
}

#[test]
fn what_the_policy_forbids_does_not_run() {
    let page = Page::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    // As if the template had forgotten to escape something.
    let text = std::fs::read_to_string(&page.path).unwrap();
    let attack = format!(
        "<main id=\"checks\"><script>window.evil=1</script>\
         <img src=http://127.0.0.1:{port}/ onerror=window.evil=2>"
    );
    let text = text.replace("<main id=\"checks\">", &attack);
    page.project.write("attacked.html", text.as_bytes());
    page.browser.complaints();
    page.browser.open(&page.project.path("attacked.html"), "");
    page.browser
        .holds("document.images.length === 1 && document.images[0].complete && typeof window.evil === 'undefined'");
    let complaints = page.browser.complaints();
    for directive in ["script-src", "img-src", "default-src"] {
        let told = |it: &String| it.contains("Content Security Policy") && it.contains(directive);
        assert!(complaints.iter().any(told), "{directive}: {complaints:#?}");
    }
    let visit = listener.accept().unwrap_err();
    assert_eq!(visit.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn failures_come_first_and_are_open() {
    let page = Page::new();
    let title = page
        .browser
        .script("return [document.title, document.querySelector('h1').innerText]");
    assert_eq!(
        title,
        json!([
            "6 checks failed, 1 error – seatrial",
            "6 checks failed, 1 error"
        ])
    );
    page.browser.holds("[...document.querySelectorAll('.check')].every((it) => it.open === it.matches('.failed, .error'))");
    let counts = page.browser.script(
        "return ['passed', 'failed', 'error', 'skipped'].map((it) => [
             Number(document.querySelector(`[data-total=${it}]`).textContent),
             document.querySelectorAll(`.check[data-verdict=${it}]`).length])",
    );
    assert_eq!(counts, json!(COUNTS.map(|count| [count, count])));
    // The list at the top names all of them, the first of them is near the top of the window.
    page.browser
        .holds("document.querySelectorAll('.failures li').length === 7");
    page.browser
        .holds("document.querySelector('.failures').getBoundingClientRect().top < 400");
    let sides = page.browser.script(
        "return [...document.querySelectorAll('.check')]
             .find((it) => it.querySelector('.name').textContent === 'differs')
             .querySelector('.diff tr:has(.removed)').innerText",
    );
    assert_eq!(sides, "two\tzwei");
    let page_text = page.browser.script("return document.body.textContent");
    for text in [
        "hello 1.17",
        "left out",
        "Try 1 failed",
        "a bug",
        "test-specs/a.yaml:4:12",
    ] {
        assert!(page_text.as_str().unwrap().contains(text), "no {text}");
    }
}

#[test]
fn filters_and_search_are_kept_in_the_address() {
    let page = Page::new();
    let browser = &page.browser;
    let all = page.shown();
    assert_eq!(all.len(), COUNTS.iter().sum::<usize>());

    browser.click("[data-show=skipped]");
    assert_eq!(page.shown(), ["has no time", "is known to break"]);
    assert_eq!(page.hash(), "#show=skipped");
    browser.click("[data-show=error]");
    assert_eq!(
        page.shown(),
        ["can not be told", "has no time", "is known to break"]
    );
    let pressed = browser.script(
        "return [...document.querySelectorAll('[aria-pressed=true]')].map((it) => it.dataset.show)",
    );
    assert_eq!(pressed, json!(["error", "skipped"]));
    browser.click("[data-show=skipped]");
    assert_eq!(page.shown(), ["can not be told"]);
    browser.click("#clear");
    assert_eq!((page.shown(), page.hash()), (all.clone(), json!("")));

    browser.click("[data-show=flaky]");
    assert_eq!(page.shown(), ["wobbles"]);
    browser.click("[data-show=flaky]");

    for (words, found) in [
        ("GOOD", &["works too"][..]),
        ("fast", &["works"]),
        ("no space", &["can not be told"]),
        ("img works", &["works"]),
        ("nothing of the kind", &[]),
    ] {
        browser.click("#search");
        browser.press(words);
        browser.holds(&format!(
            "document.querySelectorAll('.check:not([hidden])').length === {}",
            found.len()
        ));
        assert_eq!(page.shown(), found, "{words}");
        browser.press(ESCAPE);
        assert_eq!(page.shown(), all);
    }

    // Whoever is sent the address sees the same.
    page.open("#show=failed,passed&q=works");
    assert_eq!(page.shown(), ["works", "works too"]);
    browser.holds("document.getElementById('search').value === 'works'");
    browser.holds("document.getElementById('found').textContent === '2 of 12 checks'");
    page.open("#show=nonsense&q=%3Cscript%3E&at=x");
    assert_eq!(page.shown().len(), 1);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn keys_and_links_lead_to_checks() {
    let page = Page::new();
    let browser = &page.browser;
    browser.press("j");
    assert_eq!(
        (page.focused(), page.hash()),
        (json!("differs"), json!("#at=c1"))
    );
    browser.press("jj");
    assert_eq!(page.focused(), "can not be told");
    browser.press("k");
    assert_eq!(page.focused(), "breaks");
    browser.holds("document.activeElement.matches(':focus-visible')");
    browser.press(ENTER);
    browser.holds("!document.activeElement.closest('.check').open");
    browser.press("/");
    browser.holds("document.activeElement.id === 'search'");
    browser.press("jk");
    browser.holds("document.getElementById('search').value === 'jk'");
    browser.press(ESCAPE);

    // A link to a check opens all that is around it, whatever was filtered.
    page.open("#c11");
    assert_eq!(page.focused(), "works too");
    browser.holds("document.activeElement.getBoundingClientRect().top < innerHeight");
    page.open("#show=skipped");
    browser.click(".failures li:last-child a");
    browser.holds("document.activeElement.closest('.check.failed').open");
    browser.holds("document.querySelectorAll('.check[hidden]').length === 0");

    // The timeline is one stop; arrows go from bar to bar.
    browser.holds("document.querySelectorAll('.lanes a:not([tabindex])').length === 1");
    browser.script("document.querySelector('.lanes a').focus()");
    let first = browser.script("return document.querySelector('.readout').textContent");
    browser.press(RIGHT);
    let second = browser.script("return document.querySelector('.readout').textContent");
    assert_ne!(first, second);
    assert!(second.as_str().unwrap().contains("worker "), "{second}");
    browser.script("window.bar = document.activeElement.getAttribute('href').slice(1)");
    browser.press(ENTER);
    browser.holds("document.activeElement.closest('.check').id === window.bar");
    browser.click(".slowest li:first-child a");
    browser.holds("document.activeElement.closest('.check').open");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_line_that_reproduces_a_check_can_be_copied() {
    let page = Page::new();
    let browser = &page.browser;
    browser.click("#c1 .copy");
    browser.holds("document.querySelector('#c1 .copy').textContent === 'Copied'");
    browser.press("/");
    browser.press(&format!("{CONTROL}v"));
    let line = browser.script("return document.querySelector('#c1 .command').textContent");
    assert!(
        line.as_str().unwrap().starts_with("docker run --rm"),
        "{line}"
    );
    let pasted = browser.script("return document.getElementById('search').value");
    assert_eq!(pasted, line);
}

#[test]
fn it_fits_a_phone() {
    let page = Page::new();
    page.browser.screen(360, 740);
    page.open("");
    page.browser
        .script("for (const it of document.querySelectorAll('details')) it.open = true");
    let widest = page.browser.script(
        "return [document.documentElement.scrollWidth, ...[...document.querySelectorAll('.body *, h1, p, li')]
             .filter((it) => !it.closest('svg') && it.getBoundingClientRect().right > 360.5 && !it.closest('.lanes, .filters'))
             .map((it) => it.outerHTML.slice(0, 200))]",
    );
    assert_eq!(widest, json!([360]));
    // Both texts of a difference stand under each other, and what they share once.
    page.browser
        .holds("!document.querySelector('.diff .same td + td').checkVisibility()");
}

#[test]
fn light_and_dark_are_as_the_reader_has_them() {
    let page = Page::new();
    let browser = &page.browser;
    let colours = |scheme: &str| {
        browser.media("screen", scheme);
        let colours = browser.script(
            "const it = getComputedStyle(document.body); return [it.backgroundColor, it.color]",
        );
        colours.to_string()
    };
    let (light, dark) = (colours("light"), colours("dark"));
    assert_ne!(light, dark);
    browser.holds("document.getElementById('theme').textContent === 'Light'");
    browser.click("#theme");
    assert_eq!(colours("dark"), light);
    // The choice is remembered.
    page.open("");
    assert_eq!(colours("dark"), light);
    browser.click("#theme");
    assert_eq!(colours("light"), dark);
    // On paper it is always light, failures are open and nothing is left to click.
    browser.script("for (const it of document.querySelectorAll('details')) it.open = false");
    browser.media("print", "dark");
    browser.holds("getComputedStyle(document.body).color === 'rgb(28, 37, 48)'");
    browser.holds("!document.querySelector('.tools').checkVisibility()");
    browser.holds("document.querySelector('.check.failed .message').checkVisibility({contentVisibilityAuto: true})");
    browser.holds(
        "document.querySelector('.check.failed .message').getBoundingClientRect().height > 0",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn it_needs_no_script() {
    let page = Page::new();
    let browser = &page.browser;
    let disabled = json!({"value": true});
    browser.tools("Emulation.setScriptExecutionDisabled", &disabled);
    page.open("");
    let evaluate = |expression: &str| {
        let params = json!({"expression": expression, "returnByValue": true});
        browser.tools("Runtime.evaluate", &params)["result"]["value"].clone()
    };
    assert_eq!(
        evaluate("document.documentElement.classList.contains('js')"),
        json!(false)
    );
    assert_eq!(
        evaluate("document.querySelector('.tools').checkVisibility()"),
        json!(false)
    );
    assert_eq!(
        evaluate(
            "document.querySelectorAll('.copy').length > 0 && !document.querySelector('.copy').checkVisibility()"
        ),
        json!(true)
    );
    assert_eq!(
        evaluate(
            "[...document.querySelectorAll('.check.failed .message')].every((it) => it.checkVisibility())"
        ),
        json!(true)
    );
    assert_eq!(
        evaluate("document.querySelectorAll('.check summary').length"),
        json!(12)
    );
    browser.tools(
        "Emulation.setScriptExecutionDisabled",
        &json!({"value": false}),
    );
}

#[test]
fn thousands_of_checks_are_no_burden() {
    let numbers: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    let list = numbers.join(", ");
    let spec = format!(
        "image: img:1\nchecks:\n  - name: check ${{{{ n }}}} of a large family of tools\n    run: works ${{{{ n }}}}\n    each: {{n: [{list}]}}\n  - {{name: breaks, run: breaks}}\n"
    );
    let page = Page::of(Project::scripted(&spec, SCRIPT));
    let size = std::fs::metadata(&page.path).unwrap().len();
    assert!(size < 5_000_000, "{size}");
    page.browser.script(
        "location.hash = '#show=passed&q=check+4999';
         dispatchEvent(new Event('hashchange'));",
    );
    assert_eq!(page.shown(), ["check 4999 of a large family of tools"]);
    page.browser
        .holds("document.querySelectorAll('.lanes a').length === 5001");
}

/// What `ci/screenshots` runs.
#[test]
#[ignore = "makes the pictures in docs/images anew"]
fn pictures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::new(&[]);
    let files = [
        "script.json",
        "test-specs/samtools-cloud.yaml",
        "test-specs/sv-base-mini.yaml",
        "test-specs/sv-pipeline.yaml",
    ];
    for file in files {
        let content = std::fs::read(root.join("fixtures/report").join(file)).unwrap();
        project.write(file, &content);
    }
    let page = Page::of(project);
    let browser = &page.browser;
    for (name, scheme, width, height, top) in [
        ("report-light", "light", 1120, 960, "body"),
        ("report-dark", "dark", 1120, 960, "body"),
        ("report-timeline", "light", 1120, 760, ".timeline"),
        ("report-phone", "light", 390, 844, ".check.failed"),
    ] {
        browser.screen(width, height);
        browser.media("screen", scheme);
        page.open("");
        browser.script(&format!(
            "const it = document.querySelector('{top}') ;
             const bar = document.querySelector('.lanes a:has(.error)');
             if (it !== document.body) {{ it.scrollIntoView(); bar.dispatchEvent(new Event('pointerover', {{bubbles: true}})); }}"
        ));
        let shot = browser.tools("Page.captureScreenshot", &json!({"format": "png"}));
        let shot = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        let path = root.join(format!("docs/images/{name}.png"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(path)
            .unwrap()
            .write_all(&shot)
            .unwrap();
    }
}
