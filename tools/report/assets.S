/* SPDX-License-Identifier: GPL-2.0 */
/* The files that the page is made of, as they are. */
	.section .rodata
	.macro file name, path
	.global \name, \name\()_end
\name:
	.incbin "\path"
\name\()_end:
	.byte 0
	.endm

	file page_html, "tools/report/page.html"
	file page_css, "tools/report/page.css"
	file page_js, "tools/report/page.js"

	.section .note.GNU-stack, "", %progbits
