'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const find = byId('find'), board = byId('board'), count = byId('count'), results = byId('results');
  const kinds = [['', 'All'], ['f', 'Failed'], ['e', 'Errors'], ['s', 'Skipped'], ['p', 'Passed']];
  const jobs = [...document.querySelectorAll('.job')];
  const rows = [];
  const totals = {'': 0};
  let kind = '';

  for (const job of jobs)
    for (const suite of job.querySelectorAll('.suite')) {
      const heading = suite.querySelector('h3');
      for (const row of suite.querySelectorAll('li')) {
        rows.push({row, suite, job, heading, text: null});
        totals[''] += 1;
        totals[row.className] = (totals[row.className] || 0) + 1;
      }
    }

  /* A row's text in lower case, made once and only where somebody searches. */
  const textOf = (entry) => {
    if (entry.text === null)
      entry.text = ((entry.heading ? entry.heading.firstChild.data : '') + '\n' +
                    entry.row.textContent).toLowerCase();
    return entry.text;
  };

  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = words.length > 0 || kind !== '';
    const alive = new Set();
    let shown = 0;
    for (const entry of rows) {
      const match = (kind === '' || entry.row.className === kind) &&
                    (board.value === '' || entry.job.dataset.board === board.value) &&
                    words.every((word) => textOf(entry).includes(word));
      if (entry.row.hidden === match)
        entry.row.hidden = !match;
      if (match) {
        shown += 1;
        alive.add(entry.suite);
        alive.add(entry.job);
      }
    }
    for (const entry of rows)
      entry.suite.hidden = !alive.has(entry.suite);
    for (const job of jobs) {
      const cases = job.querySelector('.cases');
      job.hidden = board.value !== '' && job.dataset.board !== board.value ||
                   active && !alive.has(job);
      if (cases && active && alive.has(job))
        cases.open = true;
    }
    count.textContent = `${shown} of ${rows.length} tests`;
  };

  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(filter, rows.length > 2000 ? 150 : 0);
  };

  /* What a link points to may be filtered away or folded up. */
  const reveal = () => {
    const target = byId(decodeURIComponent(location.hash.slice(1)));
    if (!target)
      return;
    if (target.closest('[hidden]')) {
      find.value = board.value = kind = '';
      press();
      filter();
    }
    for (let at = target.parentElement; at; at = at.parentElement)
      if (at.tagName === 'DETAILS')
        at.open = true;
    target.scrollIntoView({block: target.id.startsWith('j') ? 'start' : 'center'});
    /* Chunks take their true height once they come into sight: aim again then. */
    requestAnimationFrame(() =>
      target.scrollIntoView({block: target.id.startsWith('j') ? 'start' : 'center'}));
  };

  const press = () => {
    for (const button of results.children)
      button.setAttribute('aria-pressed', String(button.value === kind));
  };

  for (const [value, label] of kinds) {
    if (!totals[value] && value !== '')
      continue;
    const button = document.createElement('button');
    button.type = 'button';
    button.value = value;
    button.textContent = `${label} ${totals[value]}`;
    button.addEventListener('click', () => {
      kind = value;
      press();
      filter();
    });
    results.append(button);
  }
  for (const name of new Set(jobs.map((job) => job.dataset.board)))
    board.add(new Option(name, name));
  board.hidden = board.options.length < 3;

  find.addEventListener('input', soon);
  board.addEventListener('change', filter);
  byId('tools').addEventListener('submit', (event) => event.preventDefault());
  addEventListener('hashchange', reveal);
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey)
      return;
    if (event.key === '/' && event.target !== find) {
      event.preventDefault();
      find.focus();
    } else if (event.key === 'Escape' && event.target === find) {
      find.value = '';
      filter();
    }
  });

  press();
  filter();
  byId('tools').hidden = rows.length === 0;
  if (location.hash)
    reveal();
})();
