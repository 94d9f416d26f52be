import{m as r,n as o}from"./chunk-ZXBD436P.js";var n=({name:e})=>r(o,{title:e===""?"Machine":`Machine ${e}`});export{n as Machine};
