/* SPDX-License-Identifier: MIT */
/* The lab as the server tells it, drawn. Nothing that came from a board, a tool or GitHub is ever
 * markup: all of it goes through text nodes. */
(() => {
  'use strict';
  const byId = (id) => document.getElementById(id);
  const views = ['boards', 'board', 'history', 'releases', 'rig', 'login'];

  const boards = new Map();    /* name → what the server said last */
  const cards = new Map();     /* name → its card's parts */
  const acts = new Map();      /* name → what is done with it */
  const services = new Map();
  const state = {lab: {}, watch: null, rig: null};
  let shown = '';              /* the board that is looked at */

  /* ---- small things --------------------------------------------------------------------------- */

  const el = (tag, props, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {}))
      if (name === 'class')
        node.className = value;
      else if (value !== null && value !== undefined)
        node.setAttribute(name, value);
    node.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
    return node;
  };

  const setText = (node, text) => {
    if (node.textContent !== text)
      node.textContent = text;
  };

  /* Only an address of the web, whatever the record of a lease says. */
  const outside = (url, text) => {
    if (!/^https?:\/\//i.test(url || ''))
      return document.createTextNode(text);
    return el('a', {href: url, rel: 'noopener noreferrer', target: '_blank'}, text);
  };

  const said = byId('said');
  const say = (text) => { said.textContent = text; };

  const span = (seconds) => {
    const s = Math.max(0, Math.round(seconds));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
    return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
  };
  const took = (us) => us < 0 ? '' : us < 1e6 ? `${Math.round(us / 1000)} ms`
    : us < 6e7 ? `${(us / 1e6).toFixed(1)} s` : span(us / 1e6);
  const when = (unix) => {
    const date = new Date(unix * 1000), days = (Date.now() - date) / 864e5;
    const time = date.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});
    return days < 1 && date.getDate() === new Date().getDate() ? time
      : `${date.toLocaleDateString([], {month: 'short', day: 'numeric'})} ${time}`;
  };
  const ago = (unix) => Date.now() / 1000 - unix;
  const byName = (a, b) => a.localeCompare(b, undefined, {numeric: true});

  let drawing = new Set();
  const draw = (what) => {
    if (!drawing.size)
      requestAnimationFrame(() => {
        const due = drawing;
        drawing = new Set();
        for (const paint of due)
          paint();
      });
    drawing.add(what);
  };

  /* ---- what a board's state is in words ------------------------------------------------------- */

  const kindOf = (b) => b.held ? 'held' : b.away ? 'away' : b.quarantine ? 'bad' : b.present === false ? 'away'
    : b.healthy === false ? 'bad' : 'free';
  const wordOf = (b) => {
    if (b.held)
      return b.live && b.live.running && b.live.state || 'in use';
    return b.away ? 'server away' : b.quarantine ? 'quarantine' : b.present === false ? 'absent'
      : b.healthy === false ? 'unwell' : 'free';
  };
  const whyOf = (b) => b.held ? '' : b.away || (b.quarantine ? b.quarantine.reason : b.why || '');

  const countsOf = (live) => {
    const total = live.pass + live.fail + live.error + live.skip;
    if (!total) return '';
    const parts = [`${live.pass} passed`];
    if (live.fail + live.error) parts.push(`${live.fail + live.error} failed`);
    if (live.skip) parts.push(`${live.skip} skipped`);
    return parts.join(', ');
  };

  const who = (holder) => {
    if (!holder) return [];
    const name = holder.repository ? `${holder.repository}${holder.job ? ` · ${holder.job}` : ''}`
      : `${holder.user || 'somebody'}`;
    return [outside(holder.run_url, name)];
  };

  const bar = (live) => {
    if (!live || !live.running || !live.what && live.state !== 'test') return null;
    const sure = live.percent >= 0;
    const inner = el('i');
    if (sure)
      inner.style.width = `${live.percent}%`; /* CSSOM: the policy forbids only style attributes */
    return el('div', {
      class: sure ? 'bar' : 'bar unsure', role: 'progressbar', 'aria-label': live.state === 'test' ? 'test' : live.what || live.state,
      'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': sure ? live.percent : null,
    }, inner);
  };

  /* ---- the boards ----------------------------------------------------------------------------- */

  const list = byId('cards'), find = byId('find'), kinds = byId('kinds');
  let kind = '';
  const kindNames = [['', 'All'], ['held', 'In use'], ['free', 'Free'], ['queue', 'Queue'], ['trouble', 'Trouble']];
  const isKind = (b, name) => !name || name === 'queue' && b.waiting > 0 ||
    name === 'trouble' && ['bad', 'away'].includes(kindOf(b)) || kindOf(b) === name;

  for (const [value, label] of kindNames) {
    const button = el('button', {type: 'button', 'data-kind': value}, label);
    button.addEventListener('click', () => {
      kind = value;
      draw(drawBoards);
    });
    kinds.append(button);
  }

  const makeCard = (name) => {
    const link = el('a', {href: `#board/${encodeURIComponent(name)}`}, name);
    const pill = el('span', {class: 'v'});
    const labels = el('p', {class: 'labels'}), now = el('p'), last = el('p', {class: 'dim'}), progress = el('div');
    const node = el('li', null, el('h2', null, link, pill), labels, now, progress, last);
    return {node, pill, labels, now, progress, last, drawn: null};
  };

  const lastOf = (b) => {
    const parts = [];
    if (b.last) {
      parts.push(el('span', {class: `v ${b.last.verdict}`}, b.last.verdict), ` ${b.last.test} · ${when(b.last.time)}`);
    } else {
      parts.push('no run yet');
    }
    if (b.waiting)
      parts.push(` · ${b.waiting} waiting`);
    return parts;
  };

  const drawCard = (card, b) => {
    const live = b.held ? b.live : null, since = el('span', {'data-since': b.holder ? b.holder.since : ''});
    card.drawn = b;
    card.node.className = kindOf(b);
    card.pill.className = `v ${kindOf(b)}`;
    setText(card.pill, wordOf(b));
    setText(card.labels, b.labels.join(' · ') || 'no labels');
    card.labels.title = b.labels.join(', ');
    if (b.held && b.holder)
      since.textContent = span(ago(b.holder.since));
    card.now.replaceChildren(...(b.held ? [...who(b.holder), ' · ', since,
      live && live.test ? ` · ${live.test}${live.attempt > 1 ? ` (attempt ${live.attempt})` : ''}` : '',
      live && countsOf(live) ? ` · ${countsOf(live)}` : ''] : [whyOf(b)]));
    card.now.hidden = !b.held && !whyOf(b);
    const progress = bar(live);
    card.progress.replaceChildren(...(progress ? [progress] : []));
    card.last.replaceChildren(...lastOf(b));
  };

  const textOf = (b) => [b.name, ...b.labels, b.holder ? `${b.holder.user} ${b.holder.command} ${b.holder.repository || ''}` : '',
    b.live ? b.live.test || '' : '', b.last ? `${b.last.test} ${b.last.verdict}` : '', wordOf(b)].join('\n').toLowerCase();

  const drawBoards = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const names = [...boards.keys()].sort(byName);
    let at = list.firstElementChild, count = 0;
    for (const name of names) {
      const b = boards.get(name);
      if (!cards.has(name))
        cards.set(name, makeCard(name));
      const card = cards.get(name);
      if (card.drawn !== b)
        drawCard(card, b);
      card.node.hidden = !(isKind(b, kind) && (!words.length || words.every((word) => textOf(b).includes(word))));
      count += !card.node.hidden;
      if (at === card.node)
        at = at.nextElementSibling;
      else
        list.insertBefore(card.node, at);
    }
    byId('none').hidden = count > 0 || !state.lab.lab;
    drawTally();
  };

  const drawTally = () => {
    const all = [...boards.values()];
    for (const button of kinds.children) {
      const value = button.dataset.kind, n = all.filter((b) => isKind(b, value)).length;
      setText(button, `${kindNames.find(([k]) => k === value)[1]} ${n}`);
      button.setAttribute('aria-pressed', String(value === kind));
      button.hidden = n === 0 && value !== '' && value !== kind;
    }
    const held = all.filter((b) => b.held).length, bad = all.filter((b) => isKind(b, 'trouble')).length;
    const waiting = all.reduce((sum, b) => sum + b.waiting, 0);
    const parts = [`${all.length} board${all.length === 1 ? '' : 's'}`, `${held} in use`];
    if (waiting) parts.push(`${waiting} waiting`);
    if (bad) parts.push(`${bad} in trouble`);
    setText(byId('tally'), state.lab.lab ? parts.join(' · ') : '');
    setText(byId('lab'), state.lab.lab || 'hil');
    document.title = `${bad ? `(${bad}) ` : ''}${shown ? `${shown} · ` : ''}${state.lab.lab || 'hil'}`;
    document.querySelector('nav form').hidden = !state.lab.login;
  };

  /* Elapsed times, of what can be seen. */
  setInterval(() => {
    if (!document.hidden)
      for (const node of document.querySelectorAll('[data-since]'))
        if (node.dataset.since)
          setText(node, span(ago(Number(node.dataset.since))));
  }, 1000);

  /* ---- one board ------------------------------------------------------------------------------ */

  let filesOf = '', filesKey = '';
  const drawFiles = (b) => {
    const key = `${b.run}/${b.held}/${b.live && b.live.verdict}`;
    if (key === filesKey && filesOf === b.name)
      return;
    [filesOf, filesKey] = [b.name, key];
    byId('b-files').replaceChildren();
    if (!b.run)
      return;
    fetch(`run/${b.run}/`).then((answer) => answer.ok ? answer.json() : null).then((run) => {
      if (!run || filesKey !== key)
        return;
      const mine = run.files.filter((file) => !file.includes('/') || b.dir && file.startsWith(`${b.dir}/`));
      byId('b-files').replaceChildren(...mine.map((file) => el('a', {
        href: `run/${b.run}/${file.split('/').map(encodeURIComponent).join('/')}`, target: '_blank',
      }, file.split('/').pop())));
    }).catch(() => {});
  };

  const facts = (b) => {
    const rows = [], live = b.live, holder = b.holder;
    const fact = (name, ...value) => rows.push(el('dt', null, name), el('dd', null, ...value));
    if (b.held && holder) {
      fact('Held by', ...who(holder), ' for ', el('span', {'data-since': holder.since}, span(ago(holder.since))));
      fact('Command', `${holder.command || '?'} (pid ${holder.pid}, ${holder.user}${holder.host ? ` on ${holder.host}` : ''})`);
    } else if (b.held) {
      fact('Held by', 'somebody who left no record');
    }
    if (b.waiting)
      fact('Queue', `${b.waiting} waiting`);
    if (live && b.held) {
      const step = live.running && live.state ? ` (${live.state}${live.percent >= 0 ? ` ${live.percent} %` : ''})` : '';
      fact('Test', `${live.test || '?'}${live.attempt > 1 ? `, attempt ${live.attempt}` : ''}${step}`);
      if (countsOf(live))
        fact('Cases', `${countsOf(live)}${live.running && live.case ? `; ${live.case}` : ''}`);
    }
    if (b.last)
      fact('Last verdict', el('span', {class: `v ${b.last.verdict}`}, b.last.verdict),
           ` ${b.last.test}, ${when(b.last.time)}${b.reason ? `: ${b.reason}` : ''}`);
    if (b.server)
      fact('Server', b.server);
    fact('Drivers', Object.entries(b.drivers).filter(([, driver]) => driver)
      .map(([name, driver]) => `${name} ${driver}`).join(', '));
    return rows;
  };

  const control = (board, what) => {
    fetch('control', {
      method: 'POST', headers: {'Content-Type': 'application/json', 'X-Hil-Key': state.lab.key},
      body: JSON.stringify({board, do: what}),
    }).then(async (answer) => {
      if (!answer.ok)
        told(await answer.text());
    }).catch(() => told('the lab cannot be reached'));
  };
  const told = (text) => {
    byId('b-did').hidden = false;
    setText(byId('b-did'), text);
    say(text);
  };

  let buttonsKey = '';
  const drawButtons = (b) => {
    const box = byId('b-do'), act = acts.get(b.name), busy = act && act.state === 'running';
    const key = [b.name, state.lab.key, b.drivers.power, !!b.quarantine, busy].join();
    if (key === buttonsKey)
      return;
    buttonsKey = key;
    const all = [['reset', 'Reset']];
    if (b.drivers.power)
      all.push(['on', 'Power on'], ['off', 'Power off'], ['cycle', 'Power cycle']);
    if (b.quarantine)
      all.push(['release', 'Release from quarantine']);
    box.hidden = !state.lab.key || !!b.server;
    box.replaceChildren(...all.map(([what, label]) => {
      const button = el('button', {type: 'button'}, label);
      button.disabled = busy;
      button.addEventListener('click', () => control(b.name, what));
      return button;
    }));
  };

  const drawBoard = () => {
    const b = boards.get(shown);
    if (!shown)
      return;
    setText(byId('b-name'), shown);
    if (!b) {
      byId('b-state').className = 'v';
      setText(byId('b-state'), state.lab.lab ? 'no such board' : '');
      return;
    }
    byId('b-state').className = `v ${kindOf(b)}`;
    setText(byId('b-state'), wordOf(b));
    setText(byId('b-labels'), b.labels.join(' · '));
    setText(byId('b-why'), whyOf(b));
    byId('b-why').hidden = !whyOf(b);
    const progress = b.held && bar(b.live);
    byId('b-bar').replaceChildren(...(progress ? [progress] : []));
    byId('b-facts').replaceChildren(...facts(b));
    drawFiles(b);
    drawButtons(b);
    if (!lines.length)
      drawNote();
  };

  /* ---- its UART ------------------------------------------------------------------------------- */

  const LINES = 5000, SLACK = 500;
  const log = byId('u-log'), uFind = byId('u-find'), pause = byId('u-pause');
  let lines = [];      /* the nodes, the oldest first */
  let open = null;     /* the last line while it is not over */
  let waiting = [];    /* while it is paused: what came, in order */
  let waitingSize = 0, seen = 0, hitAt = -1, paused = false, ours = '';

  const isHit = (text) => ours !== '' && text.toLowerCase().includes(ours);
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;

  const newLine = (text) => {
    const node = el('div');
    node.textContent = text;
    if (isHit(text))
      node.className = 'hit';
    lines.push(node);
    return node;
  };

  const append = (text) => {
    const fresh = document.createDocumentFragment(), parts = text.split('\n');
    if (open && parts.length) {
      open.textContent += parts.shift();
      open.classList.toggle('hit', isHit(open.textContent));
      if (parts.length)
        open = null;
    }
    parts.forEach((part, i) => {
      const last = i === parts.length - 1;
      if (last && part === '')
        return;
      const node = newLine(part);
      fresh.append(node);
      open = last ? node : null;
    });
    log.append(fresh);
  };

  const cut = (text) => {
    const node = el('div', {class: 'cut'}, text);
    open = null;
    lines.push(node);
    log.append(node);
  };

  const trim = () => {
    if (lines.length > LINES + SLACK)
      for (const node of lines.splice(0, lines.length - LINES))
        node.remove();
  };

  const take = (piece) => {
    if (piece.missed)
      cut('some output is not here: this page was too slow for it');
    if (piece.begin)
      cut(`${piece.begin}${piece.skipped ? `, without its first ${piece.skipped} bytes` : ''}`);
    if (piece.text)
      append(piece.text);
  };

  const drawUart = () => {
    const follow = atEnd();
    for (const piece of waiting)
      take(piece);
    waiting = [];
    waitingSize = 0;
    trim();
    if (follow)
      log.scrollTop = log.scrollHeight;
    drawHits();
    drawNote();
  };

  const drawNote = () => {
    const b = boards.get(shown);
    const text = paused ? `Paused${waiting.length ? '; there is more' : ''}.`
      : lines.length ? '' : b && b.server ? 'What it says is on the page of its server.' : b && b.run ? 'Nothing yet.'
      : 'No run has been seen on this board yet. What the next one prints comes here.';
    setText(byId('u-note'), text);
  };

  const incoming = (piece) => {
    if (piece.n) {
      if (piece.n <= seen)
        return;
      seen = piece.n;
    }
    waiting.push(piece);
    waitingSize += (piece.text || '').length;
    while (waitingSize > 1 << 20) { /* paused, or a tab that is not drawn */
      waitingSize -= (waiting.shift().text || '').length;
      waiting[0].missed = true;
    }
    if (paused)
      drawNote();
    else
      draw(drawUart);
  };

  const clearUart = () => {
    lines = [];
    waiting = [];
    waitingSize = seen = 0;
    open = null;
    hitAt = -1;
    log.replaceChildren();
    drawNote();
    drawHits();
  };

  const drawHits = () => {
    const hits = log.getElementsByClassName('hit');
    setText(byId('u-hits'), ours === '' ? '' : hits.length ? `${hitAt >= 0 ? `${Math.min(hitAt, hits.length - 1) + 1} of ` : ''}${hits.length}` : 'nowhere');
  };

  const nextHit = (step) => {
    const hits = log.getElementsByClassName('hit');
    for (const node of log.querySelectorAll('.at'))
      node.classList.remove('at');
    if (hits.length) {
      hitAt = hitAt < 0 ? (step > 0 ? 0 : hits.length - 1) : (hitAt + step + hits.length) % hits.length;
      hits[hitAt].classList.add('at');
      hits[hitAt].scrollIntoView({block: 'center'});
      say(hits[hitAt].textContent);
    }
    drawHits();
  };

  uFind.addEventListener('input', () => {
    ours = uFind.value.toLowerCase();
    hitAt = -1;
    for (const node of lines) {
      node.classList.remove('at');
      if (!node.classList.contains('cut'))
        node.classList.toggle('hit', isHit(node.textContent));
    }
    drawHits();
  });
  uFind.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      nextHit(event.shiftKey ? -1 : 1);
    }
  });
  const setPaused = (on) => {
    paused = on;
    pause.setAttribute('aria-pressed', String(on));
    if (on)
      drawNote();
    else
      draw(drawUart);
  };
  pause.addEventListener('click', () => setPaused(!paused));
  byId('u-end').addEventListener('click', () => {
    setPaused(false);
    log.scrollTop = log.scrollHeight;
  });

  /* ---- tables and charts ---------------------------------------------------------------------- */

  const table = (columns, rows, empty) => {
    if (!rows.length)
      return el('p', {class: 'dim'}, empty);
    return el('table', null,
      el('thead', null, el('tr', null, ...columns.map(([name, kind]) => el('th', {scope: 'col', class: kind || ''}, name)))),
      el('tbody', null, ...rows.map((row) => el('tr', null,
        ...row.map((cell, i) => el('td', {class: columns[i][1] || ''}, ...[].concat(cell)))))));
  };

  const boardLink = (name) => el('a', {href: `#board/${encodeURIComponent(name)}`}, name);

  const jobsTable = (jobs, withBoard) => table(
    [['Verdict', 't'], ['Time', 't'], ...(withBoard ? [['Board']] : []), ['Test'], ['Took', 'n']],
    jobs.map((job) => [job.verdict ? el('span', {class: `v ${job.verdict}`}, job.verdict) : 'not ended', when(job.time),
      ...(withBoard ? [job.board ? boardLink(job.board) : '–'] : []),
      [job.test || '–', job.verdict === 'pass' || !job.reason ? null : el('small', null, job.reason)], took(job.took_us)]),
    'No job was recorded in that time.');

  const groupTable = (what, groups) => table(
    [[what], ['Jobs', 'n'], ['Passed', 'n'], ['Infra', 'n'], ['Took', 'n'], ...(what === 'Board' ? [['Flips', 'n']] : [])],
    groups.map((g) => {
      const judged = g.pass + g.fail, all = judged + g.infra;
      return [what === 'Board' ? boardLink(g.name) : g.name, String(all), judged ? `${Math.round(100 * g.pass / judged)} %` : '–',
        g.infra ? String(g.infra) : '–', g.took_us === null ? '–' : took(g.took_us),
        ...(what === 'Board' ? [g.pairs ? flips(g, g.stands_out) : '–'] : [])];
    }), 'Nothing was recorded in that time.');

  const percent = (part) => (100 * part).toFixed(part > 0 && part < .1 ? 1 : 0);
  const flips = (of, bad) => [bad ? el('span', {class: 'v i'}, `${of.flips} of ${of.pairs}`) : `${of.flips} of ${of.pairs}`,
    el('small', null, `${percent(of.low)} – ${percent(of.high)} %`)];

  const flakyTable = (tests) => table(
    [['Test'], ['Flips', 'n'], ['To blame']],
    tests.map((t) => [t.suite ? `${t.suite}.${t.name}` : t.name, flips(t), t.board ? ['board ', boardLink(t.board)] : t.blame === 'test' ? 'the test' : 'not known']),
    'No test both passed and failed on the same image and board.');

  const NS = 'http://www.w3.org/2000/svg';
  const svg = (tag, props, ...children) => {
    const node = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(props || {}))
      node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  /* Every day of the span has its place, also those on which nothing ran. */
  const allDays = (history) => {
    const known = new Map(history.days.map((day) => [day.day, day])), days = [];
    const pad = (n) => String(n).padStart(2, '0');
    for (let back = history.span - 1; back >= 0; back--) {
      const date = new Date();
      date.setHours(12, 0, 0, 0);
      date.setDate(date.getDate() - back);
      const name = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
      days.push(known.get(name) || {day: name, pass: 0, fail: 0, infra: 0, took_us: null});
    }
    return days;
  };

  const niceTop = (value) => {
    const power = 10 ** Math.floor(Math.log10(value || 1));
    return [1, 2, 3, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= value) || 1;
  };

  /* As wide as the place that it is for, so that its letters are as large as all others. */
  const H = 180, LEFT = 50, BOTTOM = 20, TOP = 8;
  const frame = (place, days, top, label, describe) => {
    const W = Math.max(280, Math.round(place.clientWidth));
    const chart = svg('svg', {viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': describe});
    for (const part of [0, .5, 1]) {
      const y = H - BOTTOM - part * (H - BOTTOM - TOP);
      chart.append(svg('line', {class: 'grid', x1: LEFT, x2: W, y1: y, y2: y}),
                   svg('text', {x: LEFT - 6, y: y + 4, 'text-anchor': 'end'}, label(top * part)));
    }
    const step = (W - LEFT) / days.length, every = Math.ceil(days.length / Math.max(2, Math.floor(W / 90)));
    days.forEach((day, i) => {
      if ((days.length - 1 - i) % every === 0)
        chart.append(svg('text', {x: Math.min(LEFT + (i + .5) * step, W - 16), y: H - 5, 'text-anchor': 'middle'}, day.day.slice(5)));
    });
    return {chart, step, x: (i) => LEFT + i * step, y: (value) => H - BOTTOM - value / top * (H - BOTTOM - TOP)};
  };

  const barsChart = (place, days) => {
    const top = niceTop(Math.max(1, ...days.map((d) => d.pass + d.fail + d.infra)));
    const sum = (key) => days.reduce((n, d) => n + d[key], 0);
    const {chart, step, x, y} = frame(place, days, top, (v) => Number.isInteger(v) ? String(v) : '',
      `${sum('pass')} passed, ${sum('fail')} failed, ${sum('infra')} infra in ${days.length} days`);
    days.forEach((day, i) => {
      let base = 0;
      const column = svg('g', null, svg('title', null, `${day.day}: ${day.pass} pass, ${day.fail} fail, ${day.infra} infra`));
      for (const [key, kind] of [['pass', 'p'], ['fail', 'f'], ['infra', 'i']]) {
        if (day[key])
          column.append(svg('rect', {class: kind, x: x(i) + step * .12, width: step * .76, y: y(base + day[key]),
                                     height: Math.max(.8, y(base) - y(base + day[key]))}));
        base += day[key];
      }
      if (base)
        chart.append(column);
    });
    place.replaceChildren(chart);
  };

  const curveChart = (place, days, value, top, label, describe) => {
    const {chart, step, x, y} = frame(place, days, top, label, describe);
    let path = '', lift = true;
    const dots = [];
    days.forEach((day, i) => {
      const v = value(day);
      if (v === null)
        return;
      const cx = x(i) + step / 2, cy = y(v);
      path += `${lift ? 'M' : 'L'}${cx.toFixed(1)} ${cy.toFixed(1)}`;
      lift = false;
      dots.push(svg('circle', {class: 'dot', cx, cy, r: days.length > 100 ? 1.5 : 3}, svg('title', null, `${day.day}: ${label(v)}`)));
    });
    chart.append(svg('path', {class: 'curve', d: path || 'M0 0'}), ...dots);
    place.replaceChildren(chart);
  };

  const rateOf = (day) => day.pass + day.fail ? 100 * day.pass / (day.pass + day.fail) : null;

  const options = (select, names) => {
    const now = select.value, all = [...new Set([...(now ? [now] : []), ...names])].sort(byName);
    select.replaceChildren(el('option', {value: ''}, 'all'), ...all.map((name) => el('option', {value: name}, name)));
    select.value = now;
  };

  let historyTurn = 0;
  const askHistory = () => {
    const turn = ++historyTurn, query = new URLSearchParams({days: byId('h-days').value});
    for (const name of ['board', 'test'])
      if (byId(`h-${name}`).value)
        query.set(name, byId(`h-${name}`).value);
    fetch(`api/history?${query}`).then(async (answer) => answer.ok ? answer.json() : Promise.reject(await answer.text())).then((history) => {
      if (turn === historyTurn)
        drawHistory(history);
    }).catch((why) => setText(byId('h-sum'), `The history cannot be had: ${why}`));
  };

  /* A job ended; more may at once. */
  let historyTimer = 0;
  const askHistorySoon = () => {
    if (!historyTimer && !byId('v-history').hidden)
      historyTimer = setTimeout(() => {
        historyTimer = 0;
        askHistory();
      }, 1000);
  };

  let drawn = null;
  const drawHistory = (history) => {
    drawn = history;
    const {tests = [], jobs = []} = history, days = allDays({span: history.span, days: history.days || []});
    const sum = (key) => days.reduce((n, day) => n + day[key], 0), judged = sum('pass') + sum('fail');
    const longest = Math.max(0, ...days.map((day) => day.took_us)) / 1e6;
    const all = judged + sum('infra');
    setText(byId('h-sum'), `${all} job${all === 1 ? '' : 's'}${judged ? `, ${(100 * sum('pass') / judged).toFixed(1)} % passed` : ''}`);
    barsChart(byId('c-jobs'), days);
    curveChart(byId('c-rate'), days, rateOf, 100, (v) => `${Math.round(v)} %`,
      judged ? `${(100 * sum('pass') / judged).toFixed(1)} percent passed` : 'nothing to judge');
    curveChart(byId('c-took'), days, (day) => day.took_us === null ? null : day.took_us / 1e6, niceTop(longest),
      (v) => v ? took(v * 1e6) : '0', `up to ${took(longest * 1e6)}`);
    byId('t-tests').replaceChildren(groupTable('Test', tests));
    byId('t-boards').replaceChildren(groupTable('Board', history.boards || []));
    setText(byId('f-since'), history.flaky_since ? `Looked for since ${when(history.flaky_since)}; hil flaky looks further back.` : '');
    byId('t-flaky').replaceChildren(flakyTable(history.flaky || []));
    byId('t-jobs').replaceChildren(jobsTable(jobs, true));
    options(byId('h-test'), tests.map((test) => test.name));
    options(byId('h-board'), boards.keys());
  };
  for (const id of ['h-days', 'h-board', 'h-test'])
    byId(id).addEventListener('change', askHistory);

  let resized = 0;
  addEventListener('resize', () => {
    clearTimeout(resized);
    resized = setTimeout(() => {
      if (drawn && !byId('v-history').hidden)
        drawHistory(drawn);
    }, 200);
  });

  let jobsOf = '';
  const askJobs = () => {
    const b = boards.get(shown), key = `${shown}/${b && b.last ? b.last.time : ''}/${b && b.held}`;
    if (!shown || key === jobsOf)
      return;
    jobsOf = key;
    fetch(`api/history?days=90&board=${encodeURIComponent(shown)}`).then((answer) => answer.json()).then((history) => {
      if (jobsOf === key)
        byId('b-jobs').replaceChildren(jobsTable((history.jobs || []).slice(0, 15), false));
    }).catch(() => {});
  };

  /* ---- releases and rig ----------------------------------------------------------------------- */

  const serviceLine = (service) => service ? [el('p', {class: 'dim'}, `hil ${service.name} `
    + `${service.running ? 'runs' : `does not run (exit code ${service.exit_code}); it is started again`} since ${when(service.since)}.`)] : [];

  const drawReleases = () => {
    const service = services.get('watch'), watch = state.watch, view = byId('v-releases'), parts = serviceLine(service);
    for (const item of watch ? watch.watches || [] : [])
      parts.push(el('div', {class: 'card'},
        el('h3', null, String(item.watch), ' ', item.tag ? el('span', {class: 'v'}, String(item.tag)) : ''),
        item.error ? el('p', {class: 'bad'}, String(item.error)) : null,
        el('div', {class: 'wide'}, table([['Board'], ['State', 't'], ['What']], (item.boards || []).map((b) => [
          el('a', {href: `#board/${encodeURIComponent(b.board)}`}, String(b.board)),
          el('span', {class: `v ${b.action === 'current' ? 'p' : b.action === 'aside' ? 'f' : b.action === 'flash' || b.action === 'golden' ? 'held' : 'i'}`}, String(b.action || 'unknown')),
          String(b.text || b.asset || '')]), 'It has no board.'))));
    document.querySelector('nav a[href="#releases"]').hidden = !service && !watch;
    view.replaceChildren(...(parts.length ? parts : [el('p', {class: 'dim'}, 'No release is watched.')]));
  };

  const slotKind = (s) => s === 'done' ? 'done' : /^(failed|unplugged)/.test(s) ? 'failed' : /^(flashing|verifying|provisioning|testing)/.test(s) ? 'busy' : '';
  const drawRig = () => {
    const rig = state.rig, service = services.get('rig'), view = byId('v-rig'), line = serviceLine(service);
    document.querySelector('nav a[href="#rig"]').hidden = !rig && !service;
    if (!rig) {
      view.replaceChildren(...line, el('p', {class: 'dim'}, 'No rig is at work.'));
      return;
    }
    const counts = Object.entries(rig.counts || {}).filter(([, n]) => typeof n === 'number').map(([name, n]) => `${n} ${name}`);
    view.replaceChildren(...line, el('p', null, counts.join(' · ')), el('div', {class: 'slots'}, ...(rig.slots || []).map((slot) => el('div', {class: `card ${slotKind(String(slot.state))}`},
      el('div', null, el('b', null, String(slot.slot)), ' ', el('span', {class: `v ${slotKind(String(slot.state))}`},
        `${slot.state}${slot.percent >= 0 && slotKind(String(slot.state)) === 'busy' ? ` ${slot.percent} %` : ''}`)),
      slotKind(String(slot.state)) === 'busy' ? bar({running: true, what: String(slot.state), percent: Number.isInteger(slot.percent) ? slot.percent : -1}) : null,
      el('p', null, [slot.serial, slot.identity].filter(Boolean).map(String).join(' · ')),
      el('p', {class: 'dim'}, String(slot.path || '')),
      slot.reason ? el('p', {class: 'bad'}, String(slot.reason)) : null))));
  };

  /* ---- the stream ----------------------------------------------------------------------------- */

  const link = byId('link');
  let source = null, lastId = '', retry = 0, hideTimer = 0, tries = 0;

  const setLink = (on, text) => {
    if (link.textContent === text)
      return;
    link.className = on ? 'on' : 'off';
    link.textContent = text;
  };

  const forget = () => {
    boards.clear();
    cards.clear();
    acts.clear();
    services.clear();
    list.replaceChildren();
    state.watch = state.rig = null;
    drawReleases();
    drawRig();
  };

  const redrawBoards = () => {
    draw(drawBoards);
    if (shown) {
      draw(drawBoard);
      askJobs();
    }
  };

  const handlers = {
    reset: () => { forget(); draw(drawBoards); },
    lab: (lab) => {
      state.lab = lab;
      setText(byId('store'), lab.store ? `Last verdicts, quarantine and what other hosts hold are as they were: ${lab.store}` : '');
      byId('store').hidden = !lab.store;
      redrawBoards();
    },
    board: (b) => {
      const before = boards.get(b.name);
      boards.set(b.name, b);
      if (b.name === shown && before && b.last && (!before.last || before.last.time !== b.last.time))
        say(`${b.name}: ${b.last.verdict}`);
      if (b.name === shown) {
        draw(drawBoard);
        askJobs();
      }
      if (before && b.last && (!before.last || before.last.time !== b.last.time))
        askHistorySoon();
      draw(drawBoards);
    },
    service: (s) => { services.set(s.name, s); draw(drawReleases); draw(drawRig); },
    watch: (w) => { state.watch = w; draw(drawReleases); },
    rig: (r) => { state.rig = r; draw(drawRig); },
    act: (act) => {
      acts.set(act.board, act);
      if (act.board !== shown)
        return;
      if (ago(act.time) < 600)
        told(`${act.do}: ${act.state}${act.text ? `: ${act.text}` : ''}`);
      draw(drawBoard);
    },
    gone: (key) => {
      const [kindOfThing, ...rest] = key.split('/'), name = rest.join('/');
      if (kindOfThing === 'board') {
        boards.delete(name);
        if (cards.has(name))
          cards.get(name).node.remove();
        cards.delete(name);
        redrawBoards();
      } else if (kindOfThing === 'state') {
        state[name] = null;
        draw(drawReleases);
        draw(drawRig);
      }
    },
    uart: (piece) => { if (piece.board === shown) incoming(piece); },
    clear: () => clearUart(),
    missed: () => incoming({missed: true}),
  };

  /* What failed for good: is it the token, or is nobody there? */
  const investigate = () => {
    fetch('api/boards', {method: 'HEAD'}).then((answer) => {
      if (answer.status === 401) {
        state.locked = true;
        route();
        setLink(false, 'not logged in');
      } else {
        again();
      }
    }).catch(again);
  };
  const again = () => {
    clearTimeout(retry);
    retry = setTimeout(connect, Math.min(15000, 500 * 2 ** tries++));
  };

  const connect = () => {
    clearTimeout(retry);
    if (source)
      source.close();
    const query = new URLSearchParams();
    if (shown)
      query.set('board', shown);
    if (lastId)
      query.set('last', lastId.replace(/-[^-]*$/, '-0')); /* of the lab; the UART comes anew */
    source = new EventSource(`events?${query}`);
    source.onopen = () => {
      tries = 0;
      setLink(true, 'live');
    };
    source.onerror = () => {
      setLink(false, 'no connection');
      if (source.readyState === EventSource.CLOSED)
        investigate();
    };
    for (const [name, handle] of Object.entries(handlers))
      source.addEventListener(name, (event) => {
        lastId = event.lastEventId || lastId;
        handle(JSON.parse(event.data));
      });
  };

  /* A browser has six connections for all of its tabs: one that nobody sees gives its own back. */
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hideTimer);
    if (document.hidden) {
      hideTimer = setTimeout(() => {
        if (source)
          source.close();
        source = null;
        clearTimeout(retry);
      }, 60000);
    } else if (!source && !state.locked) {
      connect();
    }
  });

  /* ---- which view ----------------------------------------------------------------------------- */

  const route = () => {
    const [name, ...rest] = location.hash.slice(1).split('/');
    let board = '';
    try {
      board = name === 'board' ? decodeURIComponent(rest.join('/')) : '';
    } catch { /* a hand-made address */ }
    const view = state.locked || name === 'wrong-token' ? 'login' : views.includes(name) && name !== 'login' ? name : 'boards';
    byId('wrong').hidden = name !== 'wrong-token';
    for (const id of views)
      byId(`v-${id}`).hidden = id !== view;
    for (const item of document.querySelectorAll('nav a')) {
      const current = item.hash === `#${view === 'board' ? 'boards' : view}`;
      if (current) item.setAttribute('aria-current', 'page');
      else item.removeAttribute('aria-current');
    }
    document.querySelector('nav').hidden = view === 'login';
    if (view === 'login')
      return;
    if (board !== shown) {
      shown = board;
      buttonsKey = filesKey = jobsOf = '';
      byId('b-did').hidden = true;
      byId('b-jobs').replaceChildren();
      setPaused(false);
      clearUart();
      connect();
    }
    if (view === 'board')
      redrawBoards();
    if (view === 'history')
      askHistory();
    drawTally();
  };

  find.addEventListener('input', () => draw(drawBoards));
  for (const form of document.querySelectorAll('form.tools'))
    form.addEventListener('submit', (event) => event.preventDefault());
  addEventListener('hashchange', () => {
    route();
    byId('main').focus({preventScroll: true});
    scrollTo(0, 0);
  });
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      if (event.key === 'Escape' && event.target.type === 'search') {
        event.target.value = '';
        event.target.dispatchEvent(new Event('input'));
      }
      return;
    }
    const field = shown ? uFind : find;
    if (event.key === '/' && field.offsetParent) {
      event.preventDefault();
      field.focus();
    } else if (event.key === 'p' && shown) {
      setPaused(!paused);
    }
  });
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault(); /* the address says which view is shown */
    byId('main').focus();
  });
  drawReleases();
  drawRig();
  route();
  if (!source && !state.locked)
    connect();
})();
