"""The lab as a web page: both regions as a picture, live, with buttons to break and to mend."""
