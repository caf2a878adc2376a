// What holds for every page: asked of the page itself, in the browser. Each returns what is wrong, as text; empty = nothing.

const inPage = (check) => `(${check})()`;

/// Nothing scrolls sideways, nothing is cut off, and what is pressed is large enough.
const layout = inPage(() => {
  const wrong = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) wrong.push(`the page is ${document.documentElement.scrollWidth} px wide in ${width}`);
  for (const element of document.querySelectorAll('main *')) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) continue;
    const name = `<${element.localName} id="${element.id}">`;
    if (box.left < 0 || box.right > width + 0.5) wrong.push(`${name} is from ${box.left} to ${box.right} of ${width} px`);
    const input = element.localName === 'input';
    if (!input && getComputedStyle(element).display !== 'inline' && element.scrollWidth > element.clientWidth + 1) wrong.push(`${name} holds ${element.scrollWidth} px in ${element.clientWidth}`);
    if ((input && element.type !== 'checkbox' || element.localName === 'button') && box.height < 44) wrong.push(`${name} is ${box.height} px high`);
  }
  return wrong.join('\n');
});

/// Text has the contrast of WCAG's AA, whichever colours the system asks for.
const contrast = inPage(() => {
  const wrong = [];
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).slice(0, 3).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  for (const element of document.querySelectorAll('main *')) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || (element.localName === 'input' && element.value);
    if (!text || element.getBoundingClientRect().height === 0) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) wrong.push(`"${element.textContent || element.value}" has a contrast of ${ratio.toFixed(2)}`);
  }
  return wrong.join('\n');
});

/// One heading, a title and a language; every field has a label and is told its problem; something is in focus.
const names = inPage(() => {
  const wrong = [];
  const seen = (element) => element.getBoundingClientRect().height > 0;
  const headings = [...document.querySelectorAll('h1')].filter(seen);
  if (headings.length !== 1 || !headings[0].innerText.trim()) wrong.push(`${headings.length} headings`);
  if (!document.title.startsWith(headings[0]?.innerText)) wrong.push(`the title is "${document.title}"`);
  if (document.documentElement.lang !== 'en') wrong.push('no language');
  for (const input of document.querySelectorAll('input')) {
    if (!seen(input)) continue;
    if (!input.labels.length || !input.labels[0].innerText.trim()) wrong.push(`${input.id} has no label`);
    if (input.type === 'checkbox') continue;
    if (!input.getAttribute('aria-describedby')?.split(' ').includes('problem')) wrong.push(`${input.id} is not told its problem`);
    if (!input.autocomplete) wrong.push(`${input.id} tells password managers nothing`);
  }
  for (const id of [...document.querySelectorAll('[aria-describedby]')].flatMap((e) => e.getAttribute('aria-describedby').split(' '))) {
    if (!document.getElementById(id)) wrong.push(`there is no ${id}`);
  }
  for (const element of document.querySelectorAll('main :is(button, a)')) {
    if (seen(element) && !element.innerText.trim()) wrong.push('something to press has no name');
  }
  if (!document.querySelector('[role=alert]')) wrong.push('nothing announces problems');
  if (document.activeElement === document.body) wrong.push('nothing is in focus');
  return wrong.join('\n');
});

export const checks = { layout, contrast, names };
