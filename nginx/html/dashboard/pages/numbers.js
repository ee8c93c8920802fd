// A table of numbers. rows: [head of the row, cell, …].
import {html} from "../lit.js";

export function numbers(heads, rows) {
	return html`<table class="numbers">
		<thead><tr>${heads.map(head => html`<th scope="col">${head}</th>`)}</tr></thead>
		<tbody>${rows.map(([head, ...cells]) => html`<tr><th scope="row">${head}</th>${cells.map(cell => html`<td>${cell}</td>`)}</tr>`)}</tbody>
	</table>`;
}
