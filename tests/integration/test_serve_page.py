"""The page of `edgecv serve` in headless Chromium: pictures, the camera, errors, keys, colours and a phone's width."""

from __future__ import annotations

import shutil

import pytest

from tests import bundles
from tests.serving import encoded, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
KEY = "a-key-of-the-test-0123456789"
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    bundles.write_places(folder / "places.edgecv")
    (folder / "places.edgecv" / "report.html").write_text("<script>document.title = 'ran'</script><p>The report</p>")
    bundles.write_bundle(folder / "colours.edgecv")
    (folder / "keys").write_text(KEY)
    given = [folder / "places.edgecv", folder / "colours.edgecv", "--workers", 1, "--api-key-file", folder / "keys"]
    with serving(folder, *given, "--quiet") as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *CAMERA])
        yield found
        found.close()


@pytest.fixture
def page(browser, server):
    """The page with the key, at a phone's width and in dark colours; whatever goes wrong in it fails the test."""
    context = browser.new_context(color_scheme="dark", viewport={"width": 360, "height": 740})
    found = context.new_page()
    found.set_default_timeout(20_000)
    wrong: list[str] = []
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on("console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None)
    asked: list[str] = []
    found.on("request", lambda request: asked.append(request.url))
    home = f"http://127.0.0.1:{server.port}/"
    found.goto(home)
    found.wait_for_selector("#key-row:not([hidden])")
    found.fill("#key", KEY)
    found.press("#key", "Enter")
    found.wait_for_selector("#model option", state="attached")
    yield found
    assert wrong == []
    assert {url for url in asked if not url.startswith((home, "data:", f"blob:{home}"))} == set()
    context.close()


def picture(name="red.png", colour=(200, 10, 10)):
    return {"name": name, "mimeType": "image/png", "buffer": encoded(bundles.plain(colour))}


def test_a_picture_is_answered_and_what_every_head_says_is_drawn(page):
    page.set_input_files("#file", picture())
    page.wait_for_selector("#answers li")
    assert "red" in page.text_content("#answers li")
    assert page.locator("#answers h3").all_text_contents() == ["colour", "things", "planes", "maps", "made"]
    label = page.get_attribute("#picture", "aria-label")
    assert label == "Picture: red 100.0 %, red 90.0 %, green 60.0 %"
    assert page.locator("#made canvas").count() == 1
    assert "total" in page.text_content("#times")
    assert "onnx/model.float32.onnx" in page.text_content("#runtime")
    # Nothing is wider than the phone, and the colours are the dark ones.
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"
    drawn = page.evaluate("[...document.querySelector('#picture').getContext('2d').getImageData(0, 0, 256, 199).data]")
    assert len({tuple(drawn[at : at + 3]) for at in range(0, len(drawn), 4)}) > 3


def test_a_dropped_picture_is_answered_by_the_model_that_was_chosen(page):
    page.select_option("#model", "colours")
    data = page.evaluate_handle(
        """async () => {
          const canvas = new OffscreenCanvas(9, 7);
          const pen = canvas.getContext("2d");
          pen.fillStyle = "rgb(10 20 210)";
          pen.fillRect(0, 0, 9, 7);
          const data = new DataTransfer();
          data.items.add(new File([await canvas.convertToBlob()], "blue.png", { type: "image/png" }));
          return data;
        }"""
    )
    page.dispatch_event("#stage", "drop", {"dataTransfer": data})
    page.wait_for_selector("#answers li")
    assert page.text_content("#answers li").startswith("blue")


def test_the_camera_is_answered_again_and_again_until_it_is_stopped(page):
    page.select_option("#model", "colours")
    page.focus("#camera")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answers li")
    assert page.get_attribute("#camera", "aria-pressed") == "true"
    with page.expect_response("**/predict*"), page.expect_response("**/predict*"):
        pass
    page.keyboard.press("Enter")
    assert page.get_attribute("#camera", "aria-pressed") == "false"
    assert page.text_content("#camera") == "Camera"


def test_an_error_is_shown_to_all(page):
    page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.wait_for_selector("#error:not([hidden])")
    assert "is not a picture that can be read" in page.text_content("#error")
    assert page.get_attribute("#error", "role") == "alert"
    page.set_input_files("#file", picture())
    page.wait_for_selector("#error", state="hidden")


def test_the_description_of_the_api_is_shown(page, server):
    page.goto(f"http://127.0.0.1:{server.port}/docs")
    page.wait_for_selector("section h2")
    text = page.text_content("main")
    assert "/v2/models/{name}/predict" in text
    assert "InferenceRequest" in text
