/* SPDX-License-Identifier: MIT */
/* Chromium on a line: a JSON command on stdin, its answer on stdout. What a page complains of, opens or
 * asks the network for is kept and told by "complaints". */
import {createInterface} from 'node:readline';
import {createRequire} from 'node:module';

const {chromium} = createRequire(process.argv[2] + '/')('playwright-core');
const browser = await chromium.launch({executablePath: process.argv[3], args: ['--no-sandbox']});
const complaints = [];
let page, origin;

const watch = () => {
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('console', (message) => {
    /* A server that is away is not the page's mistake. */
    if (['error', 'warning'].includes(message.type()) && !/Failed to load resource|ERR_|401/.test(message.text()))
      complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
      complaints.push(`network: ${request.url()}`);
  });
};

const commands = {
  open: async ({url, width, height, scheme, touch}) => {
    if (page)
      await page.context().close();
    const context = await browser.newContext({
      viewport: {width, height}, colorScheme: scheme, hasTouch: touch, isMobile: touch, ignoreHTTPSErrors: true,
    });
    page = await context.newPage();
    origin = new URL(url).origin;
    watch();
    await page.goto(url);
  },
  /* Not by the page's own eval, which its policy forbids; in the middle of a navigation there is none. */
  wait: async ({js}) => {
    for (const end = Date.now() + 30000; Date.now() < end; await page.waitForTimeout(10))
      if (await page.evaluate(js).catch(() => false))
        return true;
    throw new Error(`it did not come true; the page says: ${(await page.innerText('body')).slice(0, 2000)}`);
  },
  eval: ({js}) => page.evaluate(js),
  click: ({selector}) => page.click(selector),
  fill: ({selector, text}) => page.fill(selector, text),
  press: ({key}) => page.keyboard.press(key),
  names: () => page.accessibility.snapshot({interestingOnly: true}),
  shot: ({path}) => page.screenshot({path, fullPage: true}).then(() => path),
  complaints: () => complaints.splice(0),
};

for await (const line of createInterface({input: process.stdin})) {
  const command = JSON.parse(line);
  try {
    console.log(JSON.stringify({ok: await commands[command.do](command) ?? null}));
  } catch (error) {
    console.log(JSON.stringify({error: String(error.message || error)}));
  }
}
await browser.close();
