"""Pictures of a running page, for the README.

python benchmarks/screenshot.py http://127.0.0.1:7860 painting.jpg docs
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 120_000


def main() -> None:
    """Take every tab."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("painting")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1180, "height": 1000})
        page.goto(args.url)
        page.locator("#picture input[type=file]").set_input_files(args.painting)
        page.locator("#evidence .card").first.wait_for(timeout=WAIT_MS)
        page.wait_for_timeout(1500)
        page.screenshot(path=args.out / "classify.png", full_page=True)
        page.get_by_role("tab", name="Similar paintings").click()
        page.get_by_role("button", name="Why similar?").nth(1).click(timeout=WAIT_MS)
        page.locator("#why img").wait_for(timeout=WAIT_MS)
        page.wait_for_timeout(1500)
        page.screenshot(path=args.out / "similar.png", full_page=True)
        page.get_by_role("tab", name="Explore").click()
        page.locator("#explore-map [data-drawn]").wait_for(timeout=WAIT_MS)
        page.locator("#explore-pin p").wait_for(timeout=WAIT_MS)
        page.wait_for_timeout(5000)
        page.screenshot(path=args.out / "explore.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
