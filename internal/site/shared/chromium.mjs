// Where the browser is that tests and screenshots use.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The path of Chromium: CHROMIUM, or the first found on the PATH. The headless shell comes first, since it takes a third
 * less of the processor.
 * @returns {string}
 */
export function chromiumPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      try {
        const path = join(folder, name);
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here.
      }
    }
  }
  throw new Error("there is no Chromium: run internal/site/install-chromium.sh, or set CHROMIUM to its path");
}

/** How Chromium is started. Containers run as root and have a small /dev/shm. */
export const launchOptions = {
  executablePath: chromiumPath(),
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP plain.test 127.0.0.1"],
};
