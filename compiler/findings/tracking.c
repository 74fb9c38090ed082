#include "findings/inspection.h"
void find_tracking(struct inspection *inspection){(void)inspection;}
