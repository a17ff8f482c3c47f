#pragma once

/* The commit that the program was built from; a plus behind it says that there were changes on top. */
const char *cbuild_revision(void);
