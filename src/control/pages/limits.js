// What is used of the limits that whoever signed in may see.
import { isolated } from './form.js';

const most = 20;
const subjects = { key: 'Key', user: 'Person', team: 'Team', org: 'Organisation', model: 'Model' };
const units = { rpm: 'requests a minute', tpm: 'tokens a minute', itpm: 'input tokens a minute', otpm: 'output tokens a minute', concurrency: 'requests at once' };
const periods = { day: 'a day', week: 'a week', month: 'a month', total: 'in all' };

const number = new Intl.NumberFormat('en');
const dollars = (nano) => new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', maximumFractionDigits: nano < 10_000_000 ? 6 : 2 }).format(nano / 1e9);

function amounts({ limit, period, used, allowed }) {
  if (limit === 'budget') return `${dollars(used)} of ${dollars(allowed)} ${periods[period]}`;
  return `${number.format(used)} of ${number.format(allowed)} ${units[limit]}`;
}

function item(row) {
  const element = document.createElement('li');
  const used = document.createElement(row.used_share >= 1 ? 'strong' : 'span');
  used.textContent = `${amounts(row)} (${Math.floor(row.used_share * 100)} %)`;
  element.append(`${subjects[row.subject]} `, isolated(row.name ?? row.id), ': ', used);
  if (row.resets_at && row.limit === 'budget') element.append(`, anew ${new Date(row.resets_at).toLocaleString()}`);
  return element;
}

/// List items, the most used first.
export function limitItems(rows) {
  const items = [...rows].sort((a, b) => b.used_share - a.used_share).slice(0, most).map(item);
  if (rows.length > most) {
    const rest = document.createElement('li');
    rest.textContent = `and ${rows.length - most} more: lurus limits`;
    items.push(rest);
  }
  return items;
}
